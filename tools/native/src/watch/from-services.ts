import type { Ports } from '../state/settings.js';
import { metricsHeaders, readSamples, type Samples } from './exposition.js';
import type { Numbers } from './numbers.js';

/** The metrics of both services at one time; undefined for a service that does not respond. */
interface Scrape {
  readonly at: number;
  readonly rules: Samples | undefined;
  readonly api: Samples | undefined;
}

/** Rates cover this many seconds, or less if the view was started later. */
const SPAN_SECONDS = 60;
const TIMEOUT_MS = 2000;

/** Reads the metrics of rules and api directly, for use without Prometheus. Rates are computed between scrapes. */
export class ServicesReader {
  private scrapes: Scrape[] = [];

  constructor(private readonly ports: Pick<Ports, 'RULES_PORT' | 'API_PORT'>) {}

  /** Undefined if neither service responds. */
  async read(): Promise<Numbers | undefined> {
    const { RULES_PORT, API_PORT } = this.ports;
    const [rules, api] = await Promise.all([scrape(RULES_PORT), scrape(API_PORT)]);
    const now: Scrape = { at: performance.now(), rules, api };
    if (rules === undefined && api === undefined) {
      this.scrapes = [];
      return undefined;
    }
    const from = now.at - SPAN_SECONDS * 1000;
    this.scrapes = [...this.scrapes.filter(({ at }) => at >= from), now];
    return numbersOf(this.scrapes, this.ports);
  }
}

function numbersOf(scrapes: readonly Scrape[], ports: Pick<Ports, 'RULES_PORT' | 'API_PORT'>): Numbers {
  const now = scrapes.at(-1)!;
  const { rules, api } = now;
  // The counters of a restarted service start from 0, so rates use only scrapes since its last outage.
  const since = scrapes.slice(scrapes.findLastIndex(({ rules }) => rules === undefined) + 1);
  const first = since[0];
  const seconds = first === undefined ? 0 : (now.at - first.at) / 1000;
  const increase = (metric: string, ...labels: string[]) => {
    const sum = (samples: Samples | undefined) =>
      labels.reduce((total, label) => total + (samples?.sum(metric, label) ?? 0), 0);
    if (rules?.sum(metric) === undefined || seconds === 0) return undefined;
    return Math.max(0, sum(rules) - sum(first?.rules));
  };
  const rate = (growth: number | undefined) => (growth === undefined ? undefined : growth / seconds);
  const known = ['online', 'stale', 'offline'].map((state) =>
    api?.sum('lamplighter_devices', `state="${state}"`),
  );
  return {
    from: `ports ${ports.RULES_PORT} and ${ports.API_PORT}, without Prometheus`,
    telemetry: rate(increase('lamplighter_telemetry_messages_total', 'result="accepted"', 'result="late"')),
    loopP99: rules && first?.rules && rules.quantile(0.99, 'lamplighter_loop_seconds', first.rules),
    oldestPending: api?.sum('lamplighter_command_oldest_pending_age_seconds'),
    unexplainedCommands: api?.sum('lamplighter_ledger_unexplained', 'kind="commands"'),
    unexplainedReadings: api?.sum('lamplighter_ledger_unexplained', 'kind="readings"'),
    devicesOnline: known[0],
    devicesKnown: known.includes(undefined)
      ? undefined
      : known.reduce<number>((sum, one) => sum + (one ?? 0), 0),
    commands: rate(increase('lamplighter_commands_total', 'transition="dispatched"')),
    brokerDropped: increase('lamplighter_broker_publish_dropped_total', ''),
    ruleErrors: increase('lamplighter_rule_evaluations_total', 'result="error"', 'result="budget_exceeded"'),
    alerts: undefined,
    down: [...(rules === undefined ? ['rules'] : []), ...(api === undefined ? ['api'] : [])],
  };
}

async function scrape(port: number): Promise<Samples | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
      headers: metricsHeaders(),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return text.includes('lamplighter_build_info') ? readSamples(text) : undefined;
  } catch {
    return undefined;
  }
}
