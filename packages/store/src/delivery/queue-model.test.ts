import { ANSWER_STATUSES, type CommandState, ON_FAILURE } from '@lamplighter/contracts/commands/command';
import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import fc from 'fast-check';
import { expectConsistentQueue } from '../../test/expect-consistent-queue.js';
import { type ModelCommand, type ModelRequest, type Moment, QueueModel } from '../../test/queue-model.js';
import { cancelCommand } from '../commands/cancel-command.js';
import { newCommandId } from '../commands/command-id.js';
import { enqueueCommand } from '../commands/enqueue-command.js';
import { isFinal, listCommands } from '../commands/read-commands.js';
import { DeviceAddress } from '../devices/device-address.js';
import { recordPresence } from '../devices/presence.js';
import { presenceKey } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { acknowledgeCommands, giveUpCommands } from './acknowledge-commands.js';
import { claimCommands } from './claim-commands.js';
import type { Lease } from './lease.js';
import { requeueCommands } from './requeue-commands.js';
import { resumeLane, stoppedLanes } from './stopped-lanes.js';
import { wakeDevices } from './wake-devices.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

const MINUTE = 60_000;
const MONTH = 30 * 24 * 60 * MINUTE;
const LANES = ['arm', 'arm.2'];

/** Two devices of one fleet with names almost alike, in the store; and the clock, which is Redis's and the time that passed. */
class Fleet {
  private passed = 0;
  private readonly fleet = store.newFleet();
  readonly devices = ['robot-1', 'robot-10'].map((name) => new DeviceAddress(this.fleet, name, false));
  readonly rules = new Replica(store.redis);
  sessions = 0;
  /** Devices that have said how often they report. */
  readonly announced = new Set<string>();
  /** Devices whose session is open. */
  readonly connected = new Set<string>();
  /** Every lease that was ever held, by command: a replica may come with any of them, however late. */
  private readonly leases = new Map<string, Lease[]>();

  keepLease(lease: Lease): void {
    const kept = this.leases.get(lease.id) ?? [];
    this.leases.set(lease.id, [...kept, { ...lease, claimedAt: lease.claimedAt + this.passed }]);
  }

  /** The lease of a command's dispatch of this number, beginning at 1; the times of the store have moved since. */
  lease(id: string, dispatch: number): Lease {
    const lease = this.leases.get(id)![dispatch - 1]!;
    return { ...lease, claimedAt: lease.claimedAt - this.passed };
  }

  async pass(ms: number): Promise<void> {
    for (const shard of new Set(this.shards())) await timePasses(store.redis, ms, { shard });
    this.passed += ms;
  }

  /** Makes a call, and tells between which times on the clock it happened. */
  async timed<T>(call: () => Promise<T>): Promise<[T, Moment]> {
    const from = (await redisNow(store.redis)) + this.passed;
    const result = await call();
    return [result, { from, to: (await redisNow(store.redis)) + this.passed }];
  }

  shards(): number[] {
    return this.devices.map(({ shard }) => shard);
  }

  async states(): Promise<Map<string, string>> {
    const lists = await Promise.all(
      this.devices.map(({ fleet, device }) => listCommands(store.redis, fleet, device, { limit: 1000 })),
    );
    return new Map(lists.flat().map(({ id, state, attempt }) => [id, `${state} ${attempt}`]));
  }

  async stopped(): Promise<Map<string, string>> {
    const lanes = await Promise.all(
      this.devices.map(async ({ name, fleet, device }) =>
        (await stoppedLanes(store.redis, fleet, device)).map(
          ({ lane, stoppedBy }) => [`${name}/${lane}`, stoppedBy] as const,
        ),
      ),
    );
    return new Map(lanes.flat());
  }
}

/** One step of the story: what is done to the store and to the model, and that both say the same. */
abstract class Step implements fc.AsyncCommand<QueueModel, Fleet> {
  check = () => true;
  protected abstract act(model: QueueModel, fleet: Fleet): Promise<void>;
  async run(model: QueueModel, fleet: Fleet): Promise<void> {
    await this.act(model, fleet);
    expect(await fleet.states()).toEqual(
      new Map(model.commands.map(({ id, state, attempt }) => [id, `${state} ${attempt}`])),
    );
    expect(await fleet.stopped()).toEqual(model.stopped);
    await expectConsistentQueue(store.redis, { shards: fleet.shards() });
  }
  abstract toString(): string;
}

/** A device that comes and goes. Of one that is there nothing need be heard for days. */
async function come(model: QueueModel, fleet: Fleet, address: DeviceAddress): Promise<void> {
  const message = { online: true as const, session: ++fleet.sessions, reports: MONTH / 5 };
  await recordPresence(store.redis, [{ address, message }]);
  model.away.delete(address.name);
  model.stale.delete(address.name);
  fleet.announced.add(address.name);
  fleet.connected.add(address.name);
}

class Leave extends Step {
  constructor(readonly who: number) {
    super();
  }
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const address = fleet.devices[this.who]!;
    if (!fleet.announced.has(address.name)) return;
    await fleet.pass(1000); // freshness is exact to a second
    const message = { online: false as const, session: ++fleet.sessions };
    await recordPresence(store.redis, [{ address, message }]);
    await fleet.pass(1001); // what comes sooner may have been sent before
    model.away.add(address.name);
    model.stale.delete(address.name);
    fleet.connected.delete(address.name);
  }
  toString = () => `${this.who} leaves`;
}

/** A device is silent for too long within its session. */
class FallSilent extends Step {
  constructor(readonly who: number) {
    super();
  }
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const { name, fleet: fleetName, device, shard } = fleet.devices[this.who]!;
    if (!fleet.connected.has(name)) return;
    await fleet.pass(1000); // freshness is exact to a second
    await store.redis.zadd(presenceKey(shard, fleetName), (await redisNow(store.redis)) - 1, device);
    model.stale.add(name);
  }
  toString = () => `${this.who} falls silent`;
}

interface Wish extends Omit<ModelRequest, 'id' | 'device'> {
  readonly who: number;
  readonly ttl: number;
  readonly rollout: string | undefined;
  readonly comes: boolean;
}

/** How the model sees a wish. */
function requested(id: string, address: DeviceAddress, { lane, ...wish }: Wish): ModelRequest {
  const { policy, onFailure, timeoutMs, attempts } = wish;
  const device = address.name;
  return { id, device, lane: `${device}/${lane}`, policy, onFailure, timeoutMs, attempts };
}

class Enqueue extends Step {
  constructor(readonly wish: Wish) {
    super();
  }
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const { who, ttl, comes, ...delivery } = this.wish;
    const address = fleet.devices[who]!;
    // Policy `now` asks for a device that is there.
    if (comes || delivery.policy === 'now') await come(model, fleet, address);
    const { device, fleet: name } = address;
    const request = { ...delivery, ttl, fleet: name, device, action: { n: model.commands.length } };
    const [result, now] = await fleet.timed(() => enqueueCommand(store.redis, request));
    if (result.outcome !== 'enqueued') throw new Error(result.outcome);
    const { id, superseded, unknown } = result;
    const replaced = model.enqueue(requested(id, address, this.wish), now, { ttl, isLeased: false });
    expect({ superseded, unknown }).toEqual(replaced);
  }
  toString = () => `enqueue ${JSON.stringify(this.wish)}`;
}

class Emit extends Step {
  constructor(readonly wish: Wish) {
    super();
  }
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const { who, ttl, rollout: _none, comes: _always, ...delivery } = this.wish;
    const address = fleet.devices[who]!;
    if (!fleet.announced.has(address.name)) await come(model, fleet, address);
    const command = emitted(address, { ...delivery, ttl });
    const take = () => fleet.rules.accept(address, [reading({ light: 1 })], { commands: [command] });
    const [{ commands }, now] = await fleet.timed(take);
    model.away.delete(address.name); // it was heard
    model.stale.delete(address.name);
    const { id } = command;
    const replaced = model.enqueue(requested(id, address, this.wish), now, { ttl, isLeased: true });
    const { state } = model.find(id)!;
    expect(commands).toMatchObject([{ id, state, ...replaced }]);
    const claimedAt = commands[0]!.expiresAt - ttl;
    if (state === 'dispatched') fleet.keepLease({ id, device: address.name, attempt: 1, claimedAt });
  }
  toString = () => `emit ${JSON.stringify(this.wish)}`;
}

class Claim extends Step {
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const [claims, now] = await fleet.timed(() =>
      claimCommands(store.redis, [...new Set(fleet.shards())], 100),
    );
    const claimed = claims.map(({ command, ...claim }) => ({ id: command.id, ...claim }));
    expect(model.claim(claimed, now)).toEqual([]);
    for (const { outcome, attempt, claimedAt, command } of claims) {
      const { id, fleet: name, device } = command;
      if (outcome === 'dispatched') fleet.keepLease({ id, device: `${name}/${device}`, attempt, claimedAt });
    }
  }
  toString = () => 'claim';
}

class Pass extends Step {
  constructor(readonly ms: number) {
    super();
  }
  act = (_model: QueueModel, fleet: Fleet): Promise<void> => fleet.pass(this.ms);
  toString = () => `${this.ms / 1000} s pass`;
}

class Wake extends Step {
  constructor(readonly who: number) {
    super();
  }
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const address = fleet.devices[this.who]!;
    const [woken, now] = await fleet.timed(() => wakeDevices(store.redis, [address]));
    expect(woken).toBe(model.wake(address.name, now));
  }
  toString = () => `wake ${this.who}`;
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

class Resume extends Step {
  constructor(
    readonly who: number,
    readonly lane: string,
  ) {
    super();
  }
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const address = fleet.devices[this.who]!;
    const [stoppedBy, now] = await fleet.timed(() =>
      resumeLane(store.redis, address.fleet, address.device, this.lane),
    );
    expect(stoppedBy).toBe(model.resume(`${address.name}/${this.lane}`, now));
  }
  toString = () => `resume ${this.who} ${this.lane}`;
}

/** A step about one of the commands that were dispatched: no device knows, and no replica leases, another one. */
abstract class StepOnDispatched extends StepOnOne {
  protected override candidates = (model: Readonly<QueueModel>) =>
    model.commands.filter(({ dispatches }) => dispatches > 0);
}

/** A replica gives back what it claimed some dispatches ago. */
class Requeue extends StepOnDispatched {
  constructor(
    which: number,
    readonly dispatchesAgo: number,
    readonly waitMs: number,
  ) {
    super(which);
  }
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const { id, dispatches } = this.pick(model)!;
    const { waitMs } = this;
    const dispatch = Math.max(1, dispatches - this.dispatchesAgo);
    const lease = fleet.lease(id, dispatch);
    const [again, now] = await fleet.timed(() =>
      requeueCommands(store.redis, [{ ...lease, waitMs, cause: 'unreachable' }]),
    );
    // Each enqueue is a birth too: who was born after the dispatch need not wait.
    model.requeue(id, dispatch, waitMs, again.size > 0, now);
  }
  toString = () => `requeue ${this.which}, ${this.dispatchesAgo} dispatches ago, for ${this.waitMs / 1000} s`;
}

class GiveUp extends StepOnDispatched {
  constructor(
    which: number,
    readonly dispatchesAgo: number,
  ) {
    super(which);
  }
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const { id, dispatches } = this.pick(model)!;
    const dispatch = Math.max(1, dispatches - this.dispatchesAgo);
    const lease = fleet.lease(id, dispatch);
    const [[given], now] = await fleet.timed(() =>
      giveUpCommands(store.redis, [{ ...lease, cause: 'unannounced' }]),
    );
    expect(given?.outcome ?? 'moved on').toBe(model.giveUp(id, dispatch, now));
  }
  toString = () => `give up ${this.which}, ${this.dispatchesAgo} dispatches ago`;
}

class Answer extends StepOnDispatched {
  constructor(
    which: number,
    readonly status: (typeof ANSWER_STATUSES)[number],
    readonly who: number | undefined,
  ) {
    super(which);
  }
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const { id, device: own } = this.pick(model)!;
    const device = this.who === undefined ? own : fleet.devices[this.who]!.name;
    const answer = { id, status: this.status, reason: 'so it is' };
    const [[answered], now] = await fleet.timed(() =>
      acknowledgeCommands(store.redis, [{ device, answer, cause: 'device' }]),
    );
    expect(answered!.outcome).toBe(model.answer(id, device, this.status, now));
  }
  toString = () => `answer ${this.which} ${this.status}${this.who === undefined ? '' : ` by ${this.who}`}`;
}

class Cancel extends StepOnOne {
  async act(model: QueueModel, fleet: Fleet): Promise<void> {
    const { id } = this.pick(model)!;
    const [outcome, now] = await fleet.timed(() => cancelCommand(store.redis, id));
    expect(outcome.state).toBe(model.cancel(id, now));
  }
  toString = () => `cancel ${this.which}`;
}

const who = fc.constantFrom(0, 1);
const which = fc.nat({ max: 5 });
const lane = fc.constantFrom(...LANES);
const policy = fc.oneof(
  fc.record({
    policy: fc.constantFrom('latest' as const, 'now' as const),
    onFailure: fc.constant('skip' as const),
  }),
  fc.record({ policy: fc.constant('ordered' as const), onFailure: fc.constantFrom(...ON_FAILURE) }),
);
const wish = fc
  .record({
    who,
    lane,
    ttl: fc.constantFrom(MINUTE / 6, MINUTE, 60 * MINUTE),
    timeoutMs: fc.constantFrom(1000, MINUTE, 60 * MINUTE),
    attempts: fc.constantFrom(1, 2, 5),
    rollout: fc.constantFrom(undefined, 'R1', 'R2'),
    comes: fc.boolean(),
  })
  .chain((rest) => policy.map((chosen) => ({ ...rest, ...chosen })));
const claim = fc.constant(new Claim());
const steps = fc.commands(
  [
    wish.map((one) => new Enqueue(one)),
    wish.map((one) => new Emit(one)),
    claim,
    claim,
    fc.constantFrom(1, 4, 5, 6, 11, 45, 61, 90, 4000).map((seconds) => new Pass(seconds * 1000)),
    fc.constantFrom(5, 20).map((seconds) => new Pass(seconds * 1000)),
    who.map((one) => new Wake(one)),
    who.map((one) => new Leave(one)),
    who.map((one) => new FallSilent(one)),
    fc
      .tuple(which, fc.constantFrom(0, 0, 0, 1, 2), fc.constantFrom(0, 5000, MINUTE))
      .map((args) => new Requeue(...args)),
    fc
      .tuple(which, fc.constantFrom(...ANSWER_STATUSES), fc.option(who, { nil: undefined, freq: 5 }))
      .map((args) => new Answer(...args)),
    fc.tuple(which, fc.constantFrom(0, 0, 1)).map((args) => new GiveUp(...args)),
    fc.tuple(who, lane).map((args) => new Resume(...args)),
    which.map((one) => new Cancel(one)),
  ],
  { maxCommands: 40, size: 'max' },
);

it('whatever happens in whatever order, each command has one history, and each lane goes on', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      await store.redis.flushall();
      const model = new QueueModel();
      const fleet = new Fleet();
      for (const { name } of fleet.devices) model.away.add(name); // never heard
      await fc.asyncModelRun(() => ({ model, real: fleet }), commands);

      // Nothing is stuck: with time alone every command ends.
      await new Pass(MONTH).run(model, fleet);
      for (const { name } of fleet.devices) (fleet.connected.has(name) ? model.stale : model.away).add(name);
      for (let claims = 0; model.open().length > 0; claims += 1) {
        expect(claims).toBeLessThan(100);
        await new Claim().run(model, fleet);
        await new Pass(MINUTE).run(model, fleet);
      }
      expect(
        [...(await fleet.states()).values()].every((state) => isFinal(state.split(' ')[0] as CommandState)),
      ).toBe(true);
    }),
    { numRuns: 60 },
  );
}, 120_000);

it('an answer to a command that never was changes nothing', async () => {
  const fleet = new Fleet();
  const id = newCommandId(fleet.shards()[0]!);
  const answers = [
    { device: fleet.devices[0]!.name, answer: { id, status: 'succeeded' as const }, cause: 'device' },
  ];
  expect(await acknowledgeCommands(store.redis, answers)).toMatchObject([{ outcome: 'missing' }]);
  expect(await fleet.states()).toEqual(new Map());
});
