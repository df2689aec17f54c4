import { type CommandState, FINAL_STATES, type Transition } from '@lamplighter/contracts/commands/command';
import { WINDOW_SIZE } from '@lamplighter/store/keys';
import { forEachConcurrently } from '../concurrency.js';
import type { ApiClient, ApiResponse } from '../stack/api-client.js';
import type { Ledger, ShownCommand } from './evidence.js';
import type { EvidenceFolder } from './evidence-folder.js';

const PAGE = 500;
/** Devices polled concurrently. */
const CONCURRENCY = 4;
const isFinal = (state: CommandState) => (FINAL_STATES as readonly CommandState[]).includes(state);

/** Device → the `_seq` of its readings seen so far. */
type Seen = Map<string, Set<number>>;

/**
 * Polls what the API shows about a fleet and records what is new. The store keeps a window of readings and the last commands of each device,
 * so everything that a long run stored shows only across many polls.
 */
export class ApiPoller {
  private readonly seen: Seen = new Map();
  private readonly commands = new Map<string, ShownCommand>();
  private failed = new Set<string>();

  constructor(
    private readonly client: ApiClient,
    private readonly folder: EvidenceFolder | undefined,
    readonly fleet: string,
  ) {}

  /**
   * Polls every device once, starting with those for which the last poll failed. Throws after the last device if the API did not respond
   * for one of them; what was seen is recorded.
   */
  async poll(): Promise<void> {
    const failed = this.failed;
    this.failed = new Set();
    const names = await this.devices();
    const inOrder = [
      ...names.filter((name) => failed.has(name)),
      ...names.filter((name) => !failed.has(name)),
    ];
    let failure: unknown;
    await forEachConcurrently(inOrder, CONCURRENCY, (device) =>
      this.pollDevice(device).catch((error: unknown) => {
        this.failed.add(device);
        failure = error;
      }),
    );
    if (failure !== undefined) throw failure;
  }

  private async pollDevice(device: string): Promise<void> {
    const path = `/v1/fleets/${this.fleet}/devices/${device}`;
    const [telemetry, commands] = await Promise.all([
      this.get(`${path}/telemetry?limit=${PAGE}`),
      this.get(`${path}/commands?limit=${PAGE}`),
    ]);
    this.recordReadings(device, telemetry.body.readings);
    for (const command of commands.body.commands) this.recordCommand(command);
  }

  /** Reads the ledger from the API and records it. */
  async ledger(): Promise<Ledger> {
    const { body } = await this.get(`/v1/fleets/${this.fleet}/ledger`);
    this.folder?.recordObservation({ saw: 'ledger', fleet: this.fleet, ledger: body });
    return body as Ledger;
  }

  /** The names of all devices. */
  async devices(): Promise<string[]> {
    const names: string[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await this.get(`/v1/fleets/${this.fleet}/devices?limit=${PAGE}${cursor}`);
      names.push(...body.devices.map(({ device }: { device: string }) => device));
      if (body.next === undefined) return names;
      cursor = `&cursor=${encodeURIComponent(body.next)}`;
    }
  }

  /** A reading that appears twice in one response is stored twice. Later responses repeat it as long as it is in the window. */
  private recordReadings(device: string, readings: { seq?: number }[]): void {
    const seen = this.seen.get(device) ?? new Set();
    this.seen.set(device, seen);
    if (readings.length >= WINDOW_SIZE && !readings.some(({ seq }) => seq !== undefined && seen.has(seq)))
      this.folder?.recordObservation({ saw: 'gap', fleet: this.fleet, device });
    const inThisResponse = new Set<number>();
    const unseen: number[] = [];
    for (const { seq } of readings) {
      if (seq === undefined) continue;
      if (!seen.has(seq) || inThisResponse.has(seq)) unseen.push(seq);
      inThisResponse.add(seq);
      seen.add(seq);
    }
    if (unseen.length > 0)
      this.folder?.recordObservation({ saw: 'readings', fleet: this.fleet, device, seqs: unseen });
  }

  private recordCommand(body: ApiResponse['body']): void {
    const known = this.commands.get(body.id);
    if (known?.state === body.state && known?.transitions.length === body.transitions.length) return;
    const changed = known !== undefined && isFinal(known.state) && known.state !== body.state;
    const before = [...(known?.before ?? []), ...(changed ? [known.state] : [])];
    const command: ShownCommand = {
      fleet: body.fleet,
      device: body.device,
      id: body.id,
      lane: body.lane,
      seq: body.seq,
      policy: body.policy,
      source: body.source,
      state: body.state,
      expiresAt: Date.parse(body.expiresAt),
      transitions: body.transitions.map((transition: Transition & { at: string }) => ({
        ...transition,
        at: Date.parse(transition.at),
      })),
      ...(before.length > 0 && { before }),
    };
    this.commands.set(command.id, command);
    this.folder?.recordObservation({ saw: 'command', command });
  }

  private async get(path: string): Promise<ApiResponse> {
    const response = await this.client.get(path);
    if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
    return response;
  }
}
