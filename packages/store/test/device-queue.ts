import type { Acknowledgement } from '@lamplighter/contracts/commands/command';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { until } from '@lamplighter/test-kit/until';
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
import { commandKeys } from '../src/keys.js';
import { redisNow } from '../src/redis/connect.js';

/** The longest delay of a lane that a test wakes more than once, milliseconds. */
const PACE_MS = 50;

type Request = Parameters<typeof enqueueCommand>[1];

/** The commands of one device, by names that a test gives them: `queue.enqueue('arm-up')`. */
export class DeviceQueue {
  private readonly ids = new Map<string, string>();

  constructor(
    readonly redis: Redis,
    readonly address: DeviceAddress,
  ) {}

  /** Publishes a birth. Its reporting interval is so long that the device stays online for days without a message. */
  async connect(session = 1): Promise<void> {
    const message = { online: true as const, session, reports: 7 * 24 * 3_600_000 };
    await recordPresence(this.redis, [{ address: this.address, message }]);
  }

  /** Publishes a will. */
  async leave(session = 1): Promise<void> {
    await recordPresence(this.redis, [{ address: this.address, message: { online: false, session } }]);
  }

  /** Enqueues a command as the API does; by default with policy `ordered` and a time to live of an hour. */
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
    if (id === undefined) throw new Error(`no command ${name} was enqueued`);
    return id;
  }

  name(id: string): string {
    return [...this.ids].find(([, known]) => known === id)?.[0] ?? id;
  }

  /** Claims the due commands of the device's shard. Returns `<name> <outcome> <attempt>` for each: `arm-up dispatched 1`. */
  async claim(limit = 100): Promise<string[]> {
    return (await this.claims(limit)).map(
      ({ command, outcome, attempt }) => `${this.name(command.id)} ${outcome} ${attempt}`,
    );
  }

  claims(limit = 100): Promise<Claim[]> {
    return claimCommands(this.redis, [this.address.shard], limit);
  }

  /** The lease of the last dispatch with this attempt. */
  async lease(name: string, attempt: number): Promise<Lease> {
    const { transitions } = (await this.read(name))!;
    const dispatched = transitions.findLast(
      (step) => step.state === 'dispatched' && step.attempt === attempt,
    );
    return { id: this.id(name), device: this.address.name, attempt, claimedAt: dispatched?.at ?? 0 };
  }

  /** Requeues a command. Returns the shards in which it is due immediately. */
  async requeue(name: string, attempt: number | Lease, waitMs = 5000): Promise<Set<number>> {
    const lease = typeof attempt === 'number' ? await this.lease(name, attempt) : attempt;
    return requeueCommands(this.redis, [{ ...lease, waitMs, cause: 'unreachable' }]);
  }

  /** Gives up a command that its device will never acknowledge. */
  async giveUp(name: string, attempt: number | Lease = 1): Promise<string> {
    const lease = typeof attempt === 'number' ? await this.lease(name, attempt) : attempt;
    const [outcome] = await giveUpCommands(this.redis, [{ ...lease, cause: 'unannounced' }]);
    return outcome?.outcome ?? 'moved on';
  }

  /** The device, or another sender, acknowledges a command. */
  async acknowledge(
    name: string,
    status: Acknowledgement['status'],
    { details = {}, by = this.address.name }: { details?: Partial<Acknowledgement>; by?: string } = {},
  ): Promise<string> {
    const [outcome] = await acknowledgeCommands(this.redis, [
      { device: by, acknowledgement: { id: this.id(name), status, ...details }, cause: 'device' },
    ]);
    return outcome!.outcome;
  }

  /** Resumes a lane. Returns the name of the command that stopped it. */
  async resume(lane = 'arm'): Promise<string | undefined> {
    const id = await resumeLane(this.redis, this.address.fleet, this.address.device, lane);
    return id === undefined ? undefined : this.name(id);
  }

  /** The stopped lanes, as `<lane> by <command>`. */
  async stopped(): Promise<string[]> {
    const lanes = await stoppedLanes(this.redis, this.address.fleet, this.address.device);
    return lanes.map(({ lane, stoppedBy }) => `${lane} by ${this.name(stoppedBy)}`);
  }

  read(name: string): Promise<Command | undefined> {
    return readCommand(this.redis, this.id(name));
  }

  /** Lists the device's commands, newest first. */
  list(limit = 1000, before?: string): Promise<Command[]> {
    const { fleet, device } = this.address;
    return listCommands(this.redis, fleet, device, { limit, ...(before !== undefined && { before }) });
  }

  /** Moves all times into the past, for everything in the device's shard. */
  pass(ms: number): Promise<void> {
    return timePasses(this.redis, ms, this.address);
  }

  async cancel(name: string): Promise<string> {
    return (await cancelCommand(this.redis, this.id(name))).state;
  }

  /** Wakes the device. Resolves when its lanes are due: the second of two calls is paced, by a few milliseconds. */
  async wake(): Promise<number> {
    const woken = await wakeDevices(this.redis, [this.address]);
    const due = commandKeys(this.address.shard)[5]!;
    const areDue = async () => {
      const now = await redisNow(this.redis);
      return (await this.redis.zcount(due, `(${now}`, now + PACE_MS)) === 0;
    };
    await until(areDue, { what: 'the woken lanes to be due', everyMs: 1 });
    return woken;
  }

  /** The states of all commands, oldest first: `arm-up succeeded, close dispatched`. */
  async states(): Promise<string> {
    return (await this.list())
      .reverse()
      .map(({ id, state }) => `${this.name(id)} ${state}`)
      .join(', ');
  }
}
