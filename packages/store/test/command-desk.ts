import type { Answer } from '@lamplighter/contracts/commands/command';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import type { Redis } from 'ioredis';
import { cancelCommand } from '../src/commands/cancel-command.js';
import { type EnqueueResult, enqueueCommand } from '../src/commands/enqueue-command.js';
import { type Command, listCommands, readCommand } from '../src/commands/read-commands.js';
import { acknowledgeCommands, giveUpCommands } from '../src/delivery/acknowledge-commands.js';
import { type Claim, claimCommands } from '../src/delivery/claim-commands.js';
import type { Lease } from '../src/delivery/lease.js';
import { requeueCommands } from '../src/delivery/requeue-commands.js';
import { resumeLane, stoppedLanes } from '../src/delivery/stopped-lanes.js';
import { wakeDevices } from '../src/delivery/wake-devices.js';
import type { DeviceAddress } from '../src/devices/device-address.js';
import { recordPresence } from '../src/devices/presence.js';

type Request = Parameters<typeof enqueueCommand>[1];

/** One device's commands by names that a test gives them, so that a test reads as a story: `desk.enqueue('arm-up')`. */
export class CommandDesk {
  private readonly ids = new Map<string, string>();

  constructor(
    readonly redis: Redis,
    readonly address: DeviceAddress,
  ) {}

  /** The device connects and announces itself. It need not report for days to be there, whatever time passes in a test. */
  async connect(session = 1): Promise<void> {
    const message = { online: true as const, session, reports: 7 * 24 * 3_600_000 };
    await recordPresence(this.redis, [{ address: this.address, message }]);
  }

  /** Its will comes, or its goodbye. */
  async leave(session = 1): Promise<void> {
    await recordPresence(this.redis, [{ address: this.address, message: { online: false, session } }]);
  }

  /** Takes a command over REST; policy `ordered` and an hour to live if the test does not say. */
  async enqueue(name: string, changes: Partial<Request> = {}): Promise<EnqueueResult> {
    const { fleet, device } = this.address;
    const result = await enqueueCommand(this.redis, {
      fleet,
      device,
      lane: 'arm',
      policy: 'ordered',
      ttl: 3_600_000,
      action: { do: name },
      ...changes,
    });
    if ('id' in result && !this.ids.has(name)) this.ids.set(name, result.id);
    return result;
  }

  id(name: string): string {
    const id = this.ids.get(name);
    if (id === undefined) throw new Error(`no command ${name} was taken`);
    return id;
  }

  name(id: string): string {
    return [...this.ids].find(([, known]) => known === id)?.[0] ?? id;
  }

  /** Claims what is due in the device's shard: `arm-up dispatched 1` for each, 1 being the attempt. */
  async claim(limit = 100): Promise<string[]> {
    return (await this.claims(limit)).map(
      ({ command, outcome, attempt }) => `${this.name(command.id)} ${outcome} ${attempt}`,
    );
  }

  claims(limit = 100): Promise<Claim[]> {
    return claimCommands(this.redis, [this.address.shard], limit);
  }

  /** The lease of a dispatch of this attempt, the last one if there were several. */
  async lease(name: string, attempt: number): Promise<Lease> {
    const { transitions } = (await this.read(name))!;
    const dispatched = transitions.findLast(
      (step) => step.state === 'dispatched' && step.attempt === attempt,
    );
    return { id: this.id(name), device: this.address.name, attempt, claimedAt: dispatched?.at ?? 0 };
  }

  /** Gives a command back; the shards in which it is due again at once. */
  async requeue(name: string, attempt: number | Lease, waitMs = 5000): Promise<Set<number>> {
    const lease = typeof attempt === 'number' ? await this.lease(name, attempt) : attempt;
    return requeueCommands(this.redis, [{ ...lease, waitMs, cause: 'unreachable' }]);
  }

  /** Gives a command up, as one that no device will answer. */
  async giveUp(name: string, attempt: number | Lease = 1): Promise<string> {
    const lease = typeof attempt === 'number' ? await this.lease(name, attempt) : attempt;
    const [answered] = await giveUpCommands(this.redis, [{ ...lease, cause: 'unannounced' }]);
    return answered?.outcome ?? 'moved on';
  }

  /** The device answers, or somebody else in its place. */
  async answer(
    name: string,
    status: Answer['status'],
    { said = {}, by = this.address.name }: { said?: Partial<Answer>; by?: string } = {},
  ): Promise<string> {
    const [answered] = await acknowledgeCommands(this.redis, [
      { device: by, answer: { id: this.id(name), status, ...said }, cause: 'device' },
    ]);
    return answered!.outcome;
  }

  /** Lets a lane go on; the name of the command that had stopped it. */
  async resume(lane = 'arm'): Promise<string | undefined> {
    const id = await resumeLane(this.redis, this.address.fleet, this.address.device, lane);
    return id === undefined ? undefined : this.name(id);
  }

  /** The stopped lanes: `arm by arm-up`. */
  async stopped(): Promise<string[]> {
    const lanes = await stoppedLanes(this.redis, this.address.fleet, this.address.device);
    return lanes.map(({ lane, stoppedBy }) => `${lane} by ${this.name(stoppedBy)}`);
  }

  read(name: string): Promise<Command | undefined> {
    return readCommand(this.redis, this.id(name));
  }

  /** Newest first. */
  list(limit = 1000, before?: string): Promise<Command[]> {
    const { fleet, device } = this.address;
    return listCommands(this.redis, fleet, device, { limit, ...(before !== undefined && { before }) });
  }

  /** Time passes for everything in the device's shard. */
  pass(ms: number): Promise<void> {
    return timePasses(this.redis, ms, this.address);
  }

  async cancel(name: string): Promise<string> {
    return (await cancelCommand(this.redis, this.id(name))).state;
  }

  wake(): Promise<number> {
    return wakeDevices(this.redis, [this.address]);
  }

  /** How all commands stand, oldest first: `arm-up succeeded, close dispatched`. */
  async states(): Promise<string> {
    return (await this.list())
      .reverse()
      .map(({ id, state }) => `${this.name(id)} ${state}`)
      .join(', ');
  }
}
