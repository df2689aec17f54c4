import { type CommandState, FINAL_STATES, type Transition } from '@lamplighter/contracts/commands/command';
import { WINDOW_SIZE } from '@lamplighter/store/keys';
import { each } from '../each.js';
import type { ApiAnswer, ApiClient } from '../stage/api-client.js';
import type { Ledger, ShownCommand } from './evidence.js';
import type { Notebook } from './notebook.js';

const PAGE = 500;
/** Devices that are looked at at the same time. */
const AT_ONCE = 4;
const isFinal = (state: CommandState) => (FINAL_STATES as readonly CommandState[]).includes(state);

/** A device's readings that were seen: which, and how often in one answer. */
type Seen = Map<string, Set<number>>;

/**
 * Looks at what the API shows of a fleet, again and again, and notes what is new: the store keeps a window of readings and the
 * last commands of each device, so what a long run has stored is the sum of many looks.
 */
export class Watcher {
  private readonly seen: Seen = new Map();
  private readonly commands = new Map<string, ShownCommand>();
  private failed = new Set<string>();

  constructor(
    private readonly client: ApiClient,
    private readonly notebook: Notebook | undefined,
    readonly fleet: string,
  ) {}

  /**
   * Looks at every device once, first at those for which the last look failed. Throws after the last device if the API did not answer
   * for one; what was seen is noted.
   */
  async look(): Promise<void> {
    const failed = this.failed;
    this.failed = new Set();
    const names = await this.devices();
    const inOrder = [
      ...names.filter((name) => failed.has(name)),
      ...names.filter((name) => !failed.has(name)),
    ];
    let failure: unknown;
    await each(inOrder, AT_ONCE, (device) =>
      this.lookAt(device).catch((error: unknown) => {
        this.failed.add(device);
        failure = error;
      }),
    );
    if (failure !== undefined) throw failure;
  }

  private async lookAt(device: string): Promise<void> {
    const path = `/v1/fleets/${this.fleet}/devices/${device}`;
    const [telemetry, commands] = await Promise.all([
      this.get(`${path}/telemetry?limit=${PAGE}`),
      this.get(`${path}/commands?limit=${PAGE}`),
    ]);
    this.noteReadings(device, telemetry.body.readings);
    for (const command of commands.body.commands) this.noteCommand(command);
  }

  /** The ledger as the API shows it now, noted. */
  async ledger(): Promise<Ledger> {
    const { body } = await this.get(`/v1/fleets/${this.fleet}/ledger`);
    this.notebook?.saw({ saw: 'ledger', fleet: this.fleet, ledger: body });
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

  /** A reading that one answer has twice is stored twice; that another answer has it too is how a window works. */
  private noteReadings(device: string, readings: { seq?: number }[]): void {
    const seen = this.seen.get(device) ?? new Set();
    this.seen.set(device, seen);
    if (readings.length >= WINDOW_SIZE && !readings.some(({ seq }) => seq !== undefined && seen.has(seq)))
      this.notebook?.saw({ saw: 'gap', fleet: this.fleet, device });
    const inThisAnswer = new Set<number>();
    const news: number[] = [];
    for (const { seq } of readings) {
      if (seq === undefined) continue;
      if (!seen.has(seq) || inThisAnswer.has(seq)) news.push(seq);
      inThisAnswer.add(seq);
      seen.add(seq);
    }
    if (news.length > 0) this.notebook?.saw({ saw: 'readings', fleet: this.fleet, device, seqs: news });
  }

  private noteCommand(body: ApiAnswer['body']): void {
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
    this.notebook?.saw({ saw: 'command', command });
  }

  private async get(path: string): Promise<ApiAnswer> {
    const answer = await this.client.get(path);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
    return answer;
  }
}
