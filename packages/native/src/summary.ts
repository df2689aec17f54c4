import type { Ports } from './settings.js';

/** The numbers of the live line. */
export interface Counts {
  readonly at: number;
  readonly online: number;
  readonly readings: number;
  readonly commands: number;
}

/** Reads the counts from the services' own metrics; undefined while they do not answer. */
export async function readCounts(ports: Pick<Ports, 'RULES_PORT'>): Promise<Counts | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${ports.RULES_PORT}/metrics`, {
      signal: AbortSignal.timeout(2000),
    });
    const text = await answer.text();
    return {
      at: performance.now(),
      online: sumOf(text, 'lamplighter_devices', 'state="online"'),
      readings: ['accepted', 'late'].reduce(
        (sum, result) => sum + sumOf(text, 'lamplighter_telemetry_messages_total', `result="${result}"`),
        0,
      ),
      commands: sumOf(text, 'lamplighter_commands_total', 'transition="dispatched"'),
    };
  } catch {
    return undefined;
  }
}

/** `50 devices online · 49.8 readings/s · 3.1 commands/s` */
export function summarize(before: Counts | undefined, now: Counts | undefined): string {
  if (now === undefined) return 'the rules service does not answer';
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const rate = (name: 'readings' | 'commands') =>
    seconds > 0 ? (Math.max(0, now[name] - (before?.[name] ?? 0)) / seconds).toFixed(1) : '–';
  return `${now.online} devices online · ${rate('readings')} readings/s · ${rate('commands')} commands/s`;
}

/** The sum of a metric's samples that carry the label. */
export function sumOf(exposition: string, metric: string, label = ''): number {
  let sum = 0;
  for (const line of exposition.split('\n')) {
    if (!line.startsWith(metric) || !(line[metric.length] === '{' || line[metric.length] === ' ')) continue;
    const value = Number(line.slice(line.lastIndexOf(' ') + 1));
    if (line.includes(label) && Number.isFinite(value)) sum += value;
  }
  return sum;
}
