import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Policy } from '@lamplighter/contracts/commands/command';
import type { EvidenceFolder } from '../evidence/evidence-folder.js';
import type { ApiClient, ApiResponse } from '../stack/api-client.js';
import type { Random } from './random.js';

/** A command to request over REST. */
export interface PlannedCommand {
  readonly fleet: string;
  readonly device: string;
  readonly request: {
    readonly action: Readonly<Record<string, unknown>>;
    readonly policy: Policy;
    readonly lane: string;
    readonly ttl: string;
    readonly [option: string]: unknown;
  };
  /** Try to cancel it as soon as it is accepted. */
  readonly cancel?: boolean;
}

/** A fleet and its devices. */
export interface FleetDevices {
  readonly name: string;
  readonly devices: readonly string[];
}

/** Pending requests beyond which no more are started, while the API is unavailable. */
const MAX_PENDING = 500;
const TTLS: readonly (readonly [string, number])[] = [
  ['1s', 2],
  ['5s', 2],
  ['20s', 2],
  ['1m', 3],
];

/** Draws commands of all policies. */
export function drawCommand(random: Random, fleets: readonly FleetDevices[]): PlannedCommand {
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
  return random.pick<() => PlannedCommand>([
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

/** Requests commands, repeats each request until it is answered, and records the responses. */
export class CommandSender {
  /** The last request of each ordered lane. The next one is sent after its response, so that their order is known. */
  private readonly lanes = new Map<string, Promise<void>>();
  private readonly pending = new Set<Promise<void>>();
  /** Requests answered so far, and those skipped because too many were pending. */
  readonly counts = { accepted: 0, rejected: 0, skipped: 0 };

  constructor(
    private readonly client: ApiClient,
    private readonly folder: EvidenceFolder,
    private readonly signal: AbortSignal,
  ) {
    setMaxListeners(0, signal); // each pending request adds a listener
  }

  get waiting(): number {
    return this.pending.size;
  }

  /** Sends a command without waiting for the response. */
  submit(command: PlannedCommand): void {
    if (this.pending.size >= MAX_PENDING) {
      this.counts.skipped += 1;
      return;
    }
    const { fleet, device, request } = command;
    const lane = `${fleet}/${device}/${request.lane}`;
    const before = request.policy === 'ordered' ? this.lanes.get(lane) : undefined;
    const sending = (before ?? Promise.resolve())
      .then(async () => {
        await this.sendUntilAnswered(command);
      })
      .finally(() => {
        this.pending.delete(sending);
        if (this.lanes.get(lane) === sending) this.lanes.delete(lane);
      });
    sending.catch(() => undefined); // aborted: the run is over
    this.pending.add(sending);
    if (request.policy === 'ordered') this.lanes.set(lane, sending);
  }

  /** Repeats a request until it is answered, and records the response; `key` is its Idempotency-Key. */
  async sendUntilAnswered(command: PlannedCommand, key: string = randomUUID()): Promise<ApiResponse> {
    const { client, folder, signal } = this;
    const t = Date.now();
    const { fleet, device, request, cancel = false } = command;
    const about = { t, fleet, device, lane: request.lane, policy: request.policy };
    const response = await client
      .requestUntilAnswered('POST', pathOf(command), {
        body: request,
        headers: { 'idempotency-key': key },
        signal,
      })
      .catch((error: unknown) => {
        folder.recordRequest({ ...about, outcome: 'unanswered' });
        throw error;
      });
    const { status, body } = response;
    if (status !== 202) {
      this.counts.rejected += 1;
      folder.recordRequest({ ...about, outcome: 'rejected', status });
      return response;
    }
    this.counts.accepted += 1;
    folder.recordRequest({ ...about, outcome: 'accepted', id: body.id });
    if (cancel) await client.requestUntilAnswered('DELETE', `/v1/commands/${body.id}`, { signal });
    return response;
  }
}

const pathOf = ({ fleet, device }: PlannedCommand) =>
  `/v1/fleets/${fleet}/devices/${device}/commands?allowUnknown=true`;
