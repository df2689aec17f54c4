import type { Ports } from '../state/settings.js';
import { metricsHeaders, readSamples, type Samples } from '../watch/exposition.js';

/** The numbers of the status line. */
export interface Counts {
  readonly at: number;
  /** Undefined while Redis is unavailable. */
  readonly online: number | undefined;
  readonly readings: number;
  readonly commands: number;
}

/** Reads the counts from the metrics of the services; undefined if one of them does not respond. */
export async function readCounts(ports: Pick<Ports, 'API_PORT' | 'RULES_PORT'>): Promise<Counts | undefined> {
  try {
    const [api, rules] = await Promise.all([readMetrics(ports.API_PORT), readMetrics(ports.RULES_PORT)]);
    const readings = (result: string) =>
      rules.sum('lamplighter_telemetry_messages_total', `result="${result}"`) ?? 0;
    return {
      at: performance.now(),
      online: api.sum('lamplighter_devices', 'state="online"'),
      readings: readings('accepted') + readings('late'),
      commands: rules.sum('lamplighter_commands_total', 'transition="dispatched"') ?? 0,
    };
  } catch {
    return undefined;
  }
}

async function readMetrics(port: number): Promise<Samples> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: metricsHeaders(),
    signal: AbortSignal.timeout(2000),
  });
  return readSamples(await response.text());
}

/** `50 devices online · 49.8 readings/s · 3.1 commands/s` */
export function summarize(before: Counts | undefined, now: Counts | undefined): string {
  if (now === undefined) return 'the services do not respond';
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const rate = (name: 'readings' | 'commands') =>
    seconds > 0 ? (Math.max(0, now[name] - (before?.[name] ?? 0)) / seconds).toFixed(1) : '–';
  return `${now.online ?? '–'} devices online · ${rate('readings')} readings/s · ${rate('commands')} commands/s`;
}
