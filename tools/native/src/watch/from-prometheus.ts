import { labelledQuery, promiseNumbers } from '@lamplighter/service-kit/promise-numbers';
import type { Numbers } from './numbers.js';

const { telemetryRate: telemetry, commandRate: commands, ...others } = promiseNumbers();
const EXPRESSIONS = {
  telemetry,
  commands,
  ...others,
  devicesOnline: 'max(lamplighter_devices{state="online"})',
  devicesKnown: 'max(sum by (instance) (lamplighter_devices{state=~"online|stale|offline"}))',
  brokerDropped: 'max(increase(lamplighter_broker_publish_dropped_total[10m]))',
  ruleErrors: 'sum(increase(lamplighter_rule_evaluations_total{result=~"error|budget_exceeded"}[5m]))',
} satisfies Partial<Record<keyof Numbers, string>>;

/** Without Watchdog, which always fires. */
const ALERTS = 'count by (alertname) (ALERTS{alertstate="firing",alertname!="Watchdog"})';
const UP = 'min by (job) (up{job=~"rules|api|device-sim"})';
const TIMEOUT_MS = 2000;

const QUERY = labelledQuery({ ...EXPRESSIONS, alerts: ALERTS, up: UP });

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
