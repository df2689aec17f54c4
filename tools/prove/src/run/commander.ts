import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Policy } from '@lamplighter/contracts/commands/command';
import type { Notebook } from '../evidence/notebook.js';
import type { ApiAnswer, ApiClient } from '../stage/api-client.js';
import type { Random } from './random.js';

/** A command to be asked for. */
export interface Order {
  readonly fleet: string;
  readonly device: string;
  readonly request: {
    readonly action: Readonly<Record<string, unknown>>;
    readonly policy: Policy;
    readonly lane: string;
    readonly ttl: string;
    readonly [option: string]: unknown;
  };
  /** Try to take it back as soon as it is accepted. */
  readonly cancel?: boolean;
}

/** A fleet and its devices. */
export interface Roster {
  readonly name: string;
  readonly devices: readonly string[];
}

/** Requests in hand, at most: while the API is away no more are begun. */
const MOST_IN_HAND = 500;
const TTLS: readonly (readonly [string, number])[] = [
  ['1s', 2],
  ['5s', 2],
  ['20s', 2],
  ['1m', 3],
];

/** Draws commands of all policies. */
export function drawOrder(random: Random, fleets: readonly Roster[]): Order {
  const { name, devices } = fleets[random.between(0, fleets.length - 1)]!;
  const address = { fleet: name, device: devices[random.between(0, devices.length - 1)]! };
  const ttl = random.pick(TTLS);
  const delivery = { ttl, timeout: '30s', attempts: 8 };
  const cancel = random.next() < 0.03;
  const ordered = (action: Record<string, unknown>) => ({
    ...address,
    cancel,
    request: { action, policy: 'ordered' as const, lane: 'steps', ...delivery, onFailure: 'skip' },
  });
  return random.pick<() => Order>([
    [
      () => ({
        ...address,
        cancel,
        request: { action: { led_on: random.next() < 0.5 }, policy: 'latest', lane: 'led_on', ...delivery },
      }),
      8,
    ],
    [() => ordered({ work_ms: random.between(0, 100) }), 6],
    [() => ordered({ fail: 'on purpose' }), 1],
    [() => ordered({ reboot: true }), 0.5],
    [
      () => ({
        ...address,
        request: { action: { report: ['light'] }, policy: 'now', lane: 'report', ...delivery },
      }),
      3,
    ],
  ])();
}

/** Asks for commands until each request is answered, and writes down what the answer was. */
export class Commander {
  /** The last request of each ordered lane: the next one is made after its answer, so that their order is known. */
  private readonly lanes = new Map<string, Promise<void>>();
  private readonly inHand = new Set<Promise<void>>();
  /** Requests answered so far, and those that were due while too many were in hand. */
  readonly counts = { accepted: 0, refused: 0, skipped: 0 };

  constructor(
    private readonly client: ApiClient,
    private readonly notebook: Notebook,
    private readonly signal: AbortSignal,
  ) {
    setMaxListeners(0, signal); // each request that waits listens to it
  }

  get waiting(): number {
    return this.inHand.size;
  }

  /** Gives an order without waiting for the answer. */
  give(order: Order): void {
    if (this.inHand.size >= MOST_IN_HAND) {
      this.counts.skipped += 1;
      return;
    }
    const { fleet, device, request } = order;
    const lane = `${fleet}/${device}/${request.lane}`;
    const before = request.policy === 'ordered' ? this.lanes.get(lane) : undefined;
    const asking = (before ?? Promise.resolve())
      .then(async () => {
        await this.insist(order);
      })
      .finally(() => {
        this.inHand.delete(asking);
        if (this.lanes.get(lane) === asking) this.lanes.delete(lane);
      });
    asking.catch(() => undefined); // aborted: the run is over
    this.inHand.add(asking);
    if (request.policy === 'ordered') this.lanes.set(lane, asking);
  }

  /** Asks until there is an answer, writes it down and gives it; `key` is the request's Idempotency-Key. */
  async insist(order: Order, key: string = randomUUID()): Promise<ApiAnswer> {
    const { client, notebook, signal } = this;
    const t = Date.now();
    const { fleet, device, request, cancel = false } = order;
    const about = { t, fleet, device, lane: request.lane, policy: request.policy };
    const answer = await client
      .insist('POST', pathOf(order), { body: request, headers: { 'idempotency-key': key }, signal })
      .catch((error: unknown) => {
        notebook.asked({ ...about, outcome: 'unanswered' });
        throw error;
      });
    const { status, body } = answer;
    if (status !== 202) {
      this.counts.refused += 1;
      notebook.asked({ ...about, outcome: 'refused', status });
      return answer;
    }
    this.counts.accepted += 1;
    notebook.asked({ ...about, outcome: 'accepted', id: body.id });
    if (cancel) await client.insist('DELETE', `/v1/commands/${body.id}`, { signal });
    return answer;
  }
}

const pathOf = ({ fleet, device }: Order) =>
  `/v1/fleets/${fleet}/devices/${device}/commands?allowUnknown=true`;
