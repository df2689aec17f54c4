import type { Numbers } from './numbers.js';

/** PromQL of each number: the expressions of the overview dashboard, with a range of one minute where that is variable. */
export const EXPRESSIONS = {
  telemetry: 'sum(rate(lamplighter_telemetry_messages_total{result=~"accepted|late"}[1m]))',
  loopP99: 'histogram_quantile(0.99, sum by (le) (rate(lamplighter_loop_seconds_bucket[1m]))) >= 0',
  oldestPending: 'max(lamplighter_command_oldest_pending_age_seconds)',
  unexplainedCommands: 'max(lamplighter_ledger_unexplained{kind="commands"})',
  unexplainedReadings: 'max(lamplighter_ledger_unexplained{kind="readings"})',
  devicesOnline: 'max(lamplighter_devices{state="online"})',
  devicesKnown: 'max(sum by (instance) (lamplighter_devices{state=~"online|stale|offline"}))',
  commands: 'sum(rate(lamplighter_commands_total{transition="dispatched"}[1m]))',
  brokerDropped: 'max(increase(lamplighter_broker_publish_dropped_total[10m]))',
  ruleErrors: 'sum(increase(lamplighter_rule_evaluations_total{result=~"error|budget_exceeded"}[5m]))',
} as const satisfies Partial<Record<keyof Numbers, string>>;

/** Without Watchdog, which always fires. */
const ALERTS = 'count by (alertname) (ALERTS{alertstate="firing",alertname!="Watchdog"})';
const UP = 'min by (job) (up{job=~"rules|api|device-sim"})';
const TIMEOUT_MS = 2000;

/** One query for all numbers; the label `number` of a sample names its number. */
const QUERY = Object.entries({ ...EXPRESSIONS, alerts: ALERTS, up: UP })
  .map(([number, expression]) => `label_replace(${expression}, "number", "${number}", "", "")`)
  .join(' or ');

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** Queries Prometheus. Undefined if it does not respond, scrapes none of the services, or has scraped them only once. */
export async function readFromPrometheus(port: number): Promise<Numbers | undefined> {
  const samples = await query(port);
  const up = samples?.filter(({ metric }) => metric.number === 'up') ?? [];
  if (samples === undefined || up.length === 0) return undefined;
  const rulesAreUp = up.some(({ metric, value }) => metric.job === 'rules' && value[1] === '1');
  const known = (number: keyof typeof EXPRESSIONS) => {
    const value = Number(samples.find(({ metric }) => metric.number === number)?.value[1] ?? Number.NaN);
    return Number.isNaN(value) ? undefined : value;
  };
  // A rate needs two scrapes.
  if (rulesAreUp && known('telemetry') === undefined) return undefined;
  const names = Object.keys(EXPRESSIONS) as (keyof typeof EXPRESSIONS)[];
  return {
    from: `Prometheus at 127.0.0.1:${port}`,
    ...(Object.fromEntries(names.map((name) => [name, known(name)])) as Pick<
      Numbers,
      keyof typeof EXPRESSIONS
    >),
    alerts: samples
      .filter(({ metric }) => metric.number === 'alerts')
      .map(({ metric }) => metric.alertname ?? '')
      .sort(),
    down: up.filter(({ value }) => value[1] === '0').map(({ metric }) => metric.job ?? ''),
  };
}

async function query(port: number): Promise<readonly Sample[] | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: QUERY }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { data } = (await response.json()) as { data?: { result?: readonly Sample[] } };
    return data?.result;
  } catch {
    return undefined;
  }
}
