import type { Numbers } from './numbers.js';

/** The status of a number, by the limits of the overview dashboard. */
type Mark = 'ok' | 'look' | 'act' | 'none';

interface Row {
  readonly name: string;
  readonly value: string;
  readonly mark: Mark;
  readonly what: string;
}

const COLORS: Readonly<Record<Mark, number>> = { ok: 32, look: 33, act: 31, none: 90 };
const NONE = '–';

/** Renders a frame, with lines cut to the width of the terminal. */
export function drawFrame(
  numbers: Numbers,
  { width, color, now }: { width: number; color: boolean; now: Date },
): string {
  const paint = (text: string, code: number) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const cut = (text: string) => (text.length < width ? text.trimEnd() : `${text.slice(0, width - 2)}…`);
  const rows = rowsOf(numbers).map(({ name, value, mark, what }) => {
    const shown = `  ${(mark === 'none' ? NONE : mark).padEnd(5)} `;
    const rest = cut(`${shown}${name.padEnd(20)}${value.padStart(16)}   ${what}`).slice(shown.length);
    return `${paint(shown, COLORS[mark])}${rest}`;
  });
  const head = cut(`Lamplighter  ${now.toISOString().slice(11, 19)}  ${numbers.from}`);
  return `${[paint(head, 1), '', ...rows, '', ...footerOf(numbers, rowsOf(numbers)).map(cut)].join('\n')}\n`;
}

function rowsOf(numbers: Numbers): Row[] {
  const {
    devicesOnline: online,
    devicesKnown: known,
    alerts,
    unexplainedCommands,
    unexplainedReadings,
  } = numbers;
  return [
    {
      name: 'Telemetry',
      value: perSecond(numbers.telemetry),
      mark: below(numbers.telemetry, 0.01),
      what: 'readings stored',
    },
    {
      name: 'Loop p99',
      value: duration(numbers.loopP99),
      mark: above(numbers.loopP99, 0.25, 1),
      what: "reading to its command's PUBACK",
    },
    {
      name: 'Oldest pending',
      value: duration(numbers.oldestPending),
      mark: above(numbers.oldestPending, 60, 600),
      what: 'age of the oldest open command',
    },
    {
      name: 'Unexplained loss',
      value: `${count(unexplainedCommands)} / ${count(unexplainedReadings)}`,
      mark: worse(above(unexplainedCommands, 1, 1), above(unexplainedReadings, 1, Number.POSITIVE_INFINITY)),
      what: 'commands / readings, each minute',
    },
    {
      name: 'Devices online',
      value: `${count(online)} of ${count(known)}`,
      mark:
        online === undefined || known === undefined
          ? 'none'
          : above(known === 0 ? 0 : 1 - online / known, 0.1, 0.5),
      what: 'of all devices that reported',
    },
    {
      name: 'Commands',
      value: perSecond(numbers.commands),
      mark: numbers.commands === undefined ? 'none' : 'ok',
      what: 'dispatched',
    },
    {
      name: 'Broker dropped',
      value: count(numbers.brokerDropped),
      mark: above(numbers.brokerDropped, 1, Number.POSITIVE_INFINITY),
      what: 'messages, recent',
    },
    {
      name: 'Rule errors',
      value: count(numbers.ruleErrors),
      mark: above(numbers.ruleErrors, 1, Number.POSITIVE_INFINITY),
      what: 'evaluations, recent',
    },
    {
      name: 'Alerts firing',
      value: alerts === undefined ? NONE : String(alerts.length),
      mark: alerts === undefined ? 'none' : alerts.length === 0 ? 'ok' : 'act',
      what: alerts === undefined ? 'needs Prometheus' : alerts.join(', '),
    },
  ];
}

function footerOf({ alerts = [], down }: Numbers, rows: readonly Row[]): string[] {
  const flagged = rows.filter(({ mark }) => mark === 'look' || mark === 'act').map(({ name }) => name);
  return [
    ...(down.length > 0 ? [`Not responding: ${down.join(', ')}`] : []),
    ...alerts.slice(0, 5).map((alert) => `Runbook: docs/runbooks/${alert}.md`),
    ...(flagged.length > 0 ? [`Check: ${flagged.join(', ')}`] : []),
    ...(down.length + flagged.length === 0 ? ['All known values are within their limits.'] : []),
  ];
}

const above = (value: number | undefined, look: number, act: number): Mark =>
  value === undefined ? 'none' : value >= act ? 'act' : value >= look ? 'look' : 'ok';

const below = (value: number | undefined, act: number): Mark =>
  value === undefined ? 'none' : value < act ? 'act' : 'ok';

function worse(one: Mark, other: Mark): Mark {
  const order: readonly Mark[] = ['none', 'ok', 'look', 'act'];
  return order[Math.max(order.indexOf(one), order.indexOf(other))]!;
}

const count = (value: number | undefined) => (value === undefined ? NONE : String(Math.round(value)));
const perSecond = (value: number | undefined) => (value === undefined ? NONE : `${value.toFixed(1)}/s`);

function duration(seconds: number | undefined): string {
  if (seconds === undefined) return NONE;
  if (seconds === 0) return '0 s';
  if (seconds < 1) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
