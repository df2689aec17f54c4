import type { Config } from '../foundation/config.js';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem, retryAfter } from '../problems/problem.js';

/** What one key may have open in this process at the same time. Streams and waits are also limited in total. */
export const MAX_OPEN = { request: 200, wait: 250, stream: 100 } as const;
export type Kind = keyof typeof MAX_OPEN;

const NAMES: Readonly<Record<Kind, string>> = {
  request: 'requests in progress',
  wait: 'requests that wait for a command',
  stream: 'event streams',
};
/** Requests that a key may send at once after a pause, as seconds of its rate. */
const BURST_SECONDS = 2;
const MAX_KEYS = 2000;

interface Usage {
  readonly open: Record<Kind, number>;
  /** When the next request is due at the permitted rate, milliseconds. */
  nextAt: number;
}

/** Limits the rate and the concurrency of each API key, so that none uses up what the others need. */
export class KeyLimits {
  private readonly usages = new Map<string, Usage>();

  constructor(
    private readonly config: Pick<Config, 'API_KEY_RATE'>,
    private readonly metrics: Pick<ApiMetrics, 'limited'>,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /**
   * Admits a request of a key.
   * @returns ends it
   * @throws Problem `too-many-requests`
   */
  admit(id: string, kind: Kind): () => void {
    const usage = this.usageOf(id);
    const now = this.clock();
    const rate = this.config.API_KEY_RATE;
    const due = Math.max(usage.nextAt, now - BURST_SECONDS * 1000);
    if (due > now) {
      this.metrics.limited.inc({ reason: 'rate' });
      throw tooMany(`sends more than ${rate} requests per second`, Math.ceil((due - now) / 1000));
    }
    if (usage.open[kind] >= MAX_OPEN[kind]) {
      this.metrics.limited.inc({ reason: kind });
      throw tooMany(`already has ${MAX_OPEN[kind]} ${NAMES[kind]}`, 1);
    }
    usage.nextAt = due + 1000 / rate;
    usage.open[kind] += 1;
    return () => {
      usage.open[kind] -= 1;
    };
  }

  private usageOf(id: string): Usage {
    const known = this.usages.get(id);
    if (known !== undefined) return known;
    // Only valid keys have an entry; those of revoked keys are idle.
    if (this.usages.size >= MAX_KEYS)
      for (const [each, { open }] of this.usages)
        if (Object.values(open).every((count) => count === 0)) this.usages.delete(each);
    const usage: Usage = { open: { request: 0, wait: 0, stream: 0 }, nextAt: Number.NEGATIVE_INFINITY };
    this.usages.set(id, usage);
    return usage;
  }
}

function tooMany(what: string, seconds: number): Problem {
  return new Problem('too-many-requests', `Your API key ${what}. Try again later.`, {}, retryAfter(seconds));
}
