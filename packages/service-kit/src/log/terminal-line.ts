import { escapeInvisible } from './log-line.js';

const COLORS: Readonly<Record<string, number>> = { fatal: 31, error: 31, warn: 33, info: 32, debug: 90 };

/** Formats a log line for a terminal: `12:00:00.000 INFO  rules: connected to the broker · link telemetry`. */
export function terminalLine(json: string, { color }: { color: boolean }): string {
  const { time, level, service, msg, err, ...fields } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const name = String(level);
  const shown = name.toUpperCase().padEnd(5);
  const painted = color ? `\x1b[${COLORS[name] ?? 0}m${shown}\x1b[0m` : shown;
  const rest = Object.entries(fields).map(([key, value]) => ` · ${key} ${text(value)}`);
  const head = `${String(time).slice(11, 23)} ${painted} ${text(service)}: ${text(msg ?? '')}${rest.join('')}\n`;
  return err === undefined ? head : `${head}${stackOf(err)}`;
}

/** As JSON, which escapes control characters; strings without quotes. */
function text(value: unknown): string {
  const json = escapeInvisible(JSON.stringify(value) ?? '');
  return typeof value === 'string' ? json.slice(1, -1) : json;
}

function stackOf(err: unknown): string {
  const { stack, message } = err as { stack?: string; message?: string };
  const lines = (stack ?? message ?? '').split('\n').map((line) => `    ${text(line.trim())}\n`);
  return lines.join('');
}
