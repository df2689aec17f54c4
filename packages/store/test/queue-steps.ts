import type { ACKNOWLEDGEMENT_STATUSES } from '@lamplighter/contracts/commands/command';
import { emitted, reading } from '@lamplighter/test-kit/store/replica';
import type fc from 'fast-check';
import { cancelCommand } from '../src/commands/cancel-command.js';
import { enqueueCommand } from '../src/commands/enqueue-command.js';
import { acknowledgeCommands, giveUpCommands } from '../src/delivery/acknowledge-commands.js';
import { claimCommands } from '../src/delivery/claim-commands.js';
import { requeueCommands } from '../src/delivery/requeue-commands.js';
import { resumeLane } from '../src/delivery/stopped-lanes.js';
import { wakeDevices } from '../src/delivery/wake-devices.js';
import type { DeviceAddress } from '../src/devices/device-address.js';
import { recordPresence } from '../src/devices/presence.js';
import { presenceKey } from '../src/keys.js';
import { redisNow } from '../src/redis/connect.js';
import { expectConsistentQueue } from './expect-consistent-queue.js';
import type { QueueFleet } from './queue-fleet.js';
import type { ModelCommand, ModelRequest, QueueModel } from './queue-model.js';

const DAY = 24 * 3_600_000;

/** A step: performs the same operation on the store and on the model, and compares both. */
abstract class Step implements fc.AsyncCommand<QueueModel, QueueFleet> {
  check = () => true;
  protected abstract act(model: QueueModel, fleet: QueueFleet): Promise<void>;
  async run(model: QueueModel, fleet: QueueFleet): Promise<void> {
    await this.act(model, fleet);
    expect(await fleet.states()).toEqual(
      new Map(model.commands.map(({ id, state, attempt }) => [id, `${state} ${attempt}`])),
    );
    expect(await fleet.stopped()).toEqual(model.stopped);
    await expectConsistentQueue(fleet.redis, { shards: fleet.shards() });
  }
  abstract toString(): string;
}

/** A device connects. Its reporting interval is so long that it stays online for days without a message. */
async function connect(model: QueueModel, fleet: QueueFleet, address: DeviceAddress): Promise<void> {
  const message = { online: true as const, session: ++fleet.sessions, reports: 6 * DAY };
  await recordPresence(fleet.redis, [{ address, message }]);
  model.away.delete(address.name);
  model.stale.delete(address.name);
  fleet.announced.add(address.name);
  fleet.connected.add(address.name);
}

export class Leave extends Step {
  constructor(readonly device: number) {
    super();
  }
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const address = fleet.devices[this.device]!;
    if (!fleet.announced.has(address.name)) return;
    await fleet.pass(1000); // freshness is exact to a second
    const message = { online: false as const, session: ++fleet.sessions };
    await recordPresence(fleet.redis, [{ address, message }]);
    await fleet.pass(1001); // an earlier message could precede the will
    model.away.add(address.name);
    model.stale.delete(address.name);
    fleet.connected.delete(address.name);
  }
  toString = () => `device ${this.device} leaves`;
}

/** A device becomes stale: it is silent during an open session. */
export class BecomeStale extends Step {
  constructor(readonly device: number) {
    super();
  }
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const { name, fleet: fleetName, device, shard } = fleet.devices[this.device]!;
    if (!fleet.connected.has(name)) return;
    await fleet.pass(1000); // freshness is exact to a second
    await fleet.redis.zadd(presenceKey(shard, fleetName), (await redisNow(fleet.redis)) - 1, device);
    model.stale.add(name);
  }
  toString = () => `device ${this.device} becomes stale`;
}

export interface CommandRequest extends Omit<ModelRequest, 'id' | 'device'> {
  readonly device: number;
  readonly ttl: number;
  readonly rollout: string | undefined;
  /** The device connects first. */
  readonly connects: boolean;
}

/** The request for the model. */
function modelRequest(
  id: string,
  address: DeviceAddress,
  { lane, ...delivery }: CommandRequest,
): ModelRequest {
  const { policy, onFailure, timeoutMs, attempts } = delivery;
  const device = address.name;
  return { id, device, lane: `${device}/${lane}`, policy, onFailure, timeoutMs, attempts };
}

export class Enqueue extends Step {
  constructor(readonly request: CommandRequest) {
    super();
  }
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const { device: which, ttl, connects, ...delivery } = this.request;
    const address = fleet.devices[which]!;
    // Policy `now` needs a connected device.
    if (connects || delivery.policy === 'now') await connect(model, fleet, address);
    const { device, fleet: name } = address;
    const request = { ...delivery, ttl, fleet: name, device, action: { n: model.commands.length } };
    const [result, now] = await fleet.timed(() => enqueueCommand(fleet.redis, request));
    if (result.outcome !== 'enqueued') throw new Error(result.outcome);
    const { id, superseded, unknown } = result;
    const replaced = model.enqueue(modelRequest(id, address, this.request), now, { ttl, isLeased: false });
    expect({ superseded, unknown }).toEqual(replaced);
  }
  toString = () => `enqueue ${JSON.stringify(this.request)}`;
}

export class Emit extends Step {
  constructor(readonly request: CommandRequest) {
    super();
  }
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const { device: which, ttl, rollout: _none, connects: _always, ...delivery } = this.request;
    const address = fleet.devices[which]!;
    if (!fleet.announced.has(address.name)) await connect(model, fleet, address);
    const command = emitted(address, { ...delivery, ttl });
    const accept = () => fleet.rules.accept(address, [reading({ light: 1 })], { commands: [command] });
    const [{ commands }, now] = await fleet.timed(accept);
    model.away.delete(address.name); // a reading is a sign of life
    model.stale.delete(address.name);
    const { id } = command;
    const replaced = model.enqueue(modelRequest(id, address, this.request), now, { ttl, isLeased: true });
    const { state } = model.find(id)!;
    expect(commands).toMatchObject([{ id, state, ...replaced }]);
    const claimedAt = commands[0]!.expiresAt - ttl;
    if (state === 'dispatched') fleet.recordLease({ id, device: address.name, attempt: 1, claimedAt });
  }
  toString = () => `emit ${JSON.stringify(this.request)}`;
}

export class Claim extends Step {
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const [claims, now] = await fleet.timed(() =>
      claimCommands(fleet.redis, [...new Set(fleet.shards())], 100),
    );
    const claimed = claims.map(({ command, ...claim }) => ({ id: command.id, ...claim }));
    expect(model.claim(claimed, now)).toEqual([]);
    for (const { outcome, attempt, claimedAt, command } of claims) {
      const { id, fleet: name, device } = command;
      if (outcome === 'dispatched')
        fleet.recordLease({ id, device: `${name}/${device}`, attempt, claimedAt });
    }
  }
  toString = () => 'claim';
}

export class Pass extends Step {
  constructor(readonly ms: number) {
    super();
  }
  act = (_model: QueueModel, fleet: QueueFleet): Promise<void> => fleet.pass(this.ms);
  toString = () => `${this.ms / 1000} s pass`;
}

export class Wake extends Step {
  constructor(readonly device: number) {
    super();
  }
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const address = fleet.devices[this.device]!;
    const [woken, now] = await fleet.timed(() => wakeDevices(fleet.redis, [address]));
    expect(woken).toBe(model.wake(address.name, now));
  }
  toString = () => `wake device ${this.device}`;
}

/** A step about one of the commands so far. */
abstract class StepOnOne extends Step {
  constructor(readonly which: number) {
    super();
  }
  override check = (model?: Readonly<QueueModel>) => this.pick(model) !== undefined;
  protected candidates(model: Readonly<QueueModel>): readonly ModelCommand[] {
    return model.commands;
  }
  protected pick(model?: Readonly<QueueModel>): ModelCommand | undefined {
    const candidates = model === undefined ? [] : this.candidates(model);
    return candidates[candidates.length - 1 - (this.which % Math.max(1, candidates.length))];
  }
}

export class Resume extends Step {
  constructor(
    readonly device: number,
    readonly lane: string,
  ) {
    super();
  }
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const address = fleet.devices[this.device]!;
    const [stoppedBy, now] = await fleet.timed(() =>
      resumeLane(fleet.redis, address.fleet, address.device, this.lane),
    );
    expect(stoppedBy).toBe(model.resume(`${address.name}/${this.lane}`, now));
  }
  toString = () => `resume ${this.lane} of device ${this.device}`;
}

/** A step about a dispatched command: only those are known to devices, and leased by replicas. */
abstract class StepOnDispatched extends StepOnOne {
  protected override candidates = (model: Readonly<QueueModel>) =>
    model.commands.filter(({ dispatches }) => dispatches > 0);
}

/** A replica requeues a command that it claimed some dispatches ago. */
export class Requeue extends StepOnDispatched {
  constructor(
    which: number,
    readonly dispatchesAgo: number,
    readonly waitMs: number,
  ) {
    super(which);
  }
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const { id, dispatches } = this.pick(model)!;
    const { waitMs } = this;
    const dispatch = Math.max(1, dispatches - this.dispatchesAgo);
    const lease = fleet.lease(id, dispatch);
    const [dueShards, now] = await fleet.timed(() =>
      requeueCommands(fleet.redis, [{ ...lease, waitMs, cause: 'unreachable' }]),
    );
    // A step that enqueues can also be a birth: a command dispatched before it does not wait.
    model.requeue(id, dispatch, waitMs, dueShards.size > 0, now);
  }
  toString = () => `requeue ${this.which}, ${this.dispatchesAgo} dispatches ago, for ${this.waitMs / 1000} s`;
}

export class GiveUp extends StepOnDispatched {
  constructor(
    which: number,
    readonly dispatchesAgo: number,
  ) {
    super(which);
  }
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const { id, dispatches } = this.pick(model)!;
    const dispatch = Math.max(1, dispatches - this.dispatchesAgo);
    const lease = fleet.lease(id, dispatch);
    const [[outcome], now] = await fleet.timed(() =>
      giveUpCommands(fleet.redis, [{ ...lease, cause: 'unannounced' }]),
    );
    expect(outcome?.outcome ?? 'moved on').toBe(model.giveUp(id, dispatch, now));
  }
  toString = () => `give up ${this.which}, ${this.dispatchesAgo} dispatches ago`;
}

export class Acknowledge extends StepOnDispatched {
  constructor(
    which: number,
    readonly status: (typeof ACKNOWLEDGEMENT_STATUSES)[number],
    readonly sender: number | undefined,
  ) {
    super(which);
  }
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const { id, device: own } = this.pick(model)!;
    const device = this.sender === undefined ? own : fleet.devices[this.sender]!.name;
    const acknowledgement = { id, status: this.status, reason: 'test' };
    const [[outcome], now] = await fleet.timed(() =>
      acknowledgeCommands(fleet.redis, [{ device, acknowledgement, cause: 'device' }]),
    );
    expect(outcome!.outcome).toBe(model.acknowledge(id, device, this.status, now));
  }
  toString = () =>
    `acknowledge ${this.which} ${this.status}${this.sender === undefined ? '' : ` by device ${this.sender}`}`;
}

export class Cancel extends StepOnOne {
  async act(model: QueueModel, fleet: QueueFleet): Promise<void> {
    const { id } = this.pick(model)!;
    const [outcome, now] = await fleet.timed(() => cancelCommand(fleet.redis, id));
    expect(outcome.state).toBe(model.cancel(id, now));
  }
  toString = () => `cancel ${this.which}`;
}
