import type { Ports } from '../state/settings.js';
import { readSamples, type Samples } from './exposition.js';
import type { Numbers } from './numbers.js';

/** What both services say at one moment; undefined: one of them does not answer. */
interface Scrape {
  readonly at: number;
  readonly rules: Samples | undefined;
  readonly api: Samples | undefined;
}

/** Rates are over this many seconds, as far as the view has been there for so long. */
const SPAN_SECONDS = 60;
const TIMEOUT_MS = 2000;

/** Reads the metrics of rules and api directly, for when Prometheus is away: rates are those between two looks. */
export class ServicesReader {
  private moments: Scrape[] = [];

  constructor(private readonly ports: Pick<Ports, 'RULES_PORT' | 'API_PORT'>) {}

  /** Undefined if neither answers. */
  async read(): Promise<Numbers | undefined> {
    const { RULES_PORT, API_PORT } = this.ports;
    const [rules, api] = await Promise.all([scrape(RULES_PORT), scrape(API_PORT)]);
    const now: Scrape = { at: performance.now(), rules, api };
    if (rules === undefined && api === undefined) {
      this.moments = [];
      return undefined;
    }
    const from = now.at - SPAN_SECONDS * 1000;
    this.moments = [...this.moments.filter(({ at }) => at >= from), now];
    return numbersOf(this.moments, this.ports);
  }
}

function numbersOf(moments: readonly Scrape[], ports: Pick<Ports, 'RULES_PORT' | 'API_PORT'>): Numbers {
  const now = moments.at(-1)!;
  const { rules, api } = now;
  // Counters of a service that was away in between begin anew: only what it has said since then counts.
  const since = moments.slice(moments.findLastIndex((moment) => moment.rules === undefined) + 1);
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
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    return text.includes('lamplighter_build_info') ? readSamples(text) : undefined;
  } catch {
    return undefined;
  }
}
