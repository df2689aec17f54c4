import {
  type CommandState,
  FINAL_STATES,
  type OnFailure,
  type Policy,
} from '@lamplighter/contracts/commands/command';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { DeviceQueue } from '../../test/device-queue.js';
import {
  commandsOf,
  futureOf,
  heldLeases,
  type Point,
  pointAfter,
  readPoint,
  restorePoint,
  stoppedBy,
  type WalkedCommand,
} from '../../test/lane-walk.js';
import { cancelCommand } from '../commands/cancel-command.js';
import { enqueueCommand } from '../commands/enqueue-command.js';
import { isFinal } from '../commands/read-commands.js';
import { DeviceAddress } from '../devices/device-address.js';
import { LEASE_MS } from '../keys.js';
import { acknowledgeCommands, giveUpCommands } from './acknowledge-commands.js';
import { type Claim, claimCommands } from './claim-commands.js';
import { requeueCommands } from './requeue-commands.js';
import { resumeLane } from './stopped-lanes.js';
import { wakeDevices } from './wake-devices.js';

/**
 * Explores all orders of events in one lane, up to a number of steps: two replicas claim, requeue and give up commands, even long after
 * their lease; the device acknowledges, repeatedly and late; a client cancels, resumes, and enqueues newer commands; time passes.
 * Breadth first, on a real Redis, and only once from points with the same future.
 */
interface Scenario {
  readonly name: string;
  readonly policy: Policy;
  readonly onFailure?: OnFailure;
  /** Commands at the start, and the most in total. */
  readonly commands: number;
  readonly upTo: number;
  /** The device becomes stale before each step. */
  readonly isStale?: true;
  readonly steps: number;
}

const TTL_MS = 60_000;
const TIMEOUT_MS = 20_000;
const SCENARIOS: readonly Scenario[] = [
  { name: 'three, skip', policy: 'ordered', onFailure: 'skip', commands: 3, upTo: 3, steps: 5 },
  { name: 'three, stop', policy: 'ordered', onFailure: 'stop', commands: 3, upTo: 3, steps: 5 },
  { name: 'three, abort-rest', policy: 'ordered', onFailure: 'abort-rest', commands: 3, upTo: 3, steps: 5 },
  { name: 'two, stop', policy: 'ordered', onFailure: 'stop', commands: 2, upTo: 2, steps: 7 },
  {
    name: 'two, stop, to a stale device',
    policy: 'ordered',
    onFailure: 'stop',
    commands: 2,
    upTo: 2,
    steps: 6,
    isStale: true,
  },
  { name: 'one and its successors', policy: 'latest', commands: 1, upTo: 3, steps: 6 },
];

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

interface Step {
  readonly name: string;
  /** Performs the step, and returns the claimed commands. */
  readonly run: (address: DeviceAddress, point: Point) => Promise<readonly Claim[]>;
}

const NOTHING: readonly Claim[] = [];
const LANE = 'arm';

/** All steps that are possible at this point. */
function stepsFrom(point: Point, scenario: Scenario): Step[] {
  const { redis } = store;
  const commands = commandsOf(point);
  const steps: Step[] = [];
  const add = (name: string, call: (address: DeviceAddress, now: Point) => Promise<unknown>) =>
    steps.push({
      name,
      run: async (address, now) => {
        await call(address, now);
        return NOTHING;
      },
    });
  // The store does not distinguish replicas with the same leases.
  const replicas = heldLeases(point, 0) === heldLeases(point, 1) ? [0] : [0, 1];
  for (const replica of replicas) {
    steps.push({
      name: `${replica} claims`,
      run: ({ shard }) => claimCommands(redis, [shard], 10),
    });
    for (const id of point.leases[replica]!.keys()) {
      const lease = (now: Point) => now.leases[replica]!.get(id)!;
      add(`${replica} requeues ${id}`, (_, now) =>
        requeueCommands(redis, [{ ...lease(now), waitMs: 5000, cause: 'unreachable' }]),
      );
      add(`${replica} gives up ${id}`, (_, now) =>
        giveUpCommands(redis, [{ ...lease(now), cause: 'unannounced' }]),
      );
    }
  }
  for (const { id, path, state } of commands) {
    if (path.includes('dispatched')) {
      for (const status of ['acknowledged', 'succeeded', 'failed'] as const)
        add(`${id} ${status}`, ({ name }) =>
          acknowledgeCommands(redis, [{ device: name, acknowledgement: { id, status }, cause: 'device' }]),
        );
    }
    if (!isFinal(state)) add(`cancel ${id}`, () => cancelCommand(redis, id));
  }
  add('wake', (address) => wakeDevices(redis, [address]));
  if (stoppedBy(point) !== undefined)
    add('resume', ({ fleet, device }) => resumeLane(redis, fleet, device, LANE));
  if (commands.length < scenario.upTo) add('enqueue', (address) => enqueue(address, scenario));
  return steps;
}

function enqueue({ fleet, device }: DeviceAddress, { policy, onFailure }: Scenario) {
  const request = { fleet, device, lane: LANE, policy, onFailure, timeoutMs: TIMEOUT_MS, attempts: 2 };
  return enqueueCommand(store.redis, { ...request, ttl: TTL_MS, action: { go: 1 } });
}

/** Checks the invariants between a point and the next one. */
function check(before: Point, after: Point, step: string, claims: readonly Claim[]): void {
  const past = new Map(commandsOf(before).map((command) => [command.id, command]));
  const commands = commandsOf(after);
  const open = commands.filter(({ state }) => !isFinal(state));
  const wrong: string[] = [];
  const must = (holds: boolean, what: string) => holds || wrong.push(what);

  for (const [i, { id, state, path, transitions, attempt }] of commands.entries()) {
    const earlier = past.get(id);
    must(path.filter(isFinal).length <= 1, `${id} has ended twice`);
    if (earlier && isFinal(earlier.state))
      must(transitions === earlier.transitions, `${id} changed after it was ${earlier.state}`);
    if (['expired', 'superseded', 'cancelled'].includes(state))
      must(attempt === 0, `${id} is ${state} although it may have been executed`);
    const wasDispatched = path.length > (earlier?.path.length ?? 0) && path.at(-1) === 'dispatched';
    if (wasDispatched) {
      must(
        commands.slice(0, i).every((other) => isFinal(other.state)),
        `${id} was dispatched before an earlier command ended`,
      );
      must(stoppedBy(before) === undefined, `${id} was dispatched from a stopped lane`);
      const isStale = policyOf(after, id) === 'latest' && open.at(-1)!.id !== id;
      must(!isStale, `${id} was dispatched although a newer one is pending`);
      must(
        claims.some(({ command, outcome }) => command.id === id && outcome === 'dispatched'),
        `${id} was dispatched without a claim`,
      );
      must(attempt <= 2, `${id} has too many attempts`);
    }
  }
  for (const { command, outcome, attempt } of claims) {
    const now = commands.find(({ id }) => id === command.id)!;
    must(now.state === outcome && now.attempt === attempt, `${command.id} is not ${outcome} ${attempt}`);
  }
  must(
    open.slice(1).every(({ state }) => state === 'pending'),
    'two commands are in flight',
  );
  if (stoppedBy(after) !== undefined) must(open[0]?.state !== 'dispatched', 'a stopped lane continues');
  checkFailure(past, commands, after, must);
  checkKeys(after, commands, open, must);
  if (/ (requeues|gives up) /.test(step)) {
    const words = step.split(' ');
    const [replica, id] = [words[0]!, words.at(-1)!];
    const { state, attempt, since } = past.get(id)!;
    const lease = before.leases[Number(replica)]!.get(id)!;
    const holds = state === 'dispatched' && lease.attempt === attempt && lease.claimedAt === since;
    if (!holds)
      must(futureOf(before) === futureOf(after, before.at), 'a replica without a lease changed something');
  }
  const acknowledged = /^(\S+) (succeeded|failed)$/.exec(step);
  if (acknowledged && !isFinal(past.get(acknowledged[1]!)!.state))
    must(
      commands.find(({ id }) => id === acknowledged[1])?.state === acknowledged[2],
      'an acknowledgement was lost',
    );
  expect([after.path, wrong]).toEqual([after.path, []]);
}

const policyOf = ({ kept }: Point, id: string) => kept.commands[id]!.split(' ')[3];

/** Checks that the `onFailure` of a failed head was applied to its lane. */
function checkFailure(
  past: ReadonlyMap<string, WalkedCommand>,
  commands: readonly WalkedCommand[],
  after: Point,
  must: (holds: boolean, what: string) => void,
): void {
  const ended = (command: WalkedCommand) =>
    isFinal(command.state) && !isFinal(past.get(command.id)?.state ?? 'pending');
  for (const [i, command] of commands.entries()) {
    const cause = command.transitions.split(',').at(-1)!;
    const hasFailed = ended(command) && ['failed', 'unknown', 'expired'].includes(command.state);
    if (!hasFailed || cause === 'cancelled' || cause.startsWith('superseded')) continue;
    const rest = commands.slice(i + 1);
    const onFailure = after.kept.commands[command.id]!.split(' ')[4];
    if (onFailure === 'stop') must(stoppedBy(after) !== undefined, `${command.id} did not stop its lane`);
    if (onFailure === 'abort-rest')
      must(
        rest.every(({ state }) => isFinal(state)),
        `${command.id} did not abort the rest`,
      );
  }
}

/** Checks that all keys have the same commands, and that the ledger is correct. */
function checkKeys(
  { kept }: Point,
  commands: readonly WalkedCommand[],
  open: readonly WalkedCommand[],
  must: (holds: boolean, what: string) => void,
): void {
  const ids = `${open.map(({ id }) => id)}`;
  must(`${kept.queue.map((member) => member.split('/').at(-1))}` === ids, 'the queue has other commands');
  must(
    `${Object.keys(kept.due).sort()}` === `${ids.split(',').filter(Boolean).sort()}`,
    'the due index has other commands',
  );
  must(Number(kept.ledger['issued:api']) === commands.length, 'a command was not counted');
  for (const state of FINAL_STATES) {
    const count = commands.filter((command) => command.state === state).length;
    must(Number(kept.ledger[state] ?? 0) === count, `${state} was not counted`);
  }
}

/** Adds leases of claimed commands to a replica, which keeps its earlier ones even if they have ended. */
function withLeases(point: Point, replica: number, claims: readonly Claim[], address: DeviceAddress): Point {
  const held = new Map(point.leases[replica]);
  for (const { outcome, command, attempt, claimedAt } of claims)
    if (outcome === 'dispatched')
      held.set(command.id, { id: command.id, device: address.name, attempt, claimedAt });
  return { ...point, leases: point.leases.map((before, i) => (i === replica ? held : before)) };
}

describe('all orders of events in a lane', () => {
  it.each(SCENARIOS)(
    '$name, $steps steps',
    async (scenario) => {
      const { redis } = store;
      const address = new DeviceAddress(store.newFleet(), 'robot', false);
      await new DeviceQueue(redis, address).connect();
      for (let i = 0; i < scenario.commands; i += 1) await enqueue(address, scenario);
      const start = await readPoint(redis, address, [new Map(), new Map()], []);
      const seen = new Set([futureOf(start)]);
      const ends = new Set<CommandState>();
      let frontier: Point[] = [start];
      let edges = 0;
      for (let depth = 0; depth < scenario.steps; depth += 1) {
        const next: Point[] = [];
        const visit = (point: Point) => {
          const future = futureOf(point);
          if (seen.has(future)) return;
          seen.add(future);
          next.push(point);
        };
        for (const point of frontier) {
          for (const step of stepsFrom(point, scenario)) {
            const now = restorePoint(redis, address, point);
            if (scenario.isStale) void redis.zadd(address.presenceKey, now.at - 1, address.device);
            const claims = await step.run(address, now);
            let after = await readPoint(redis, address, now.leases, [...point.path, step.name]);
            check(now, after, step.name, claims);
            // The second of two attempts waits for a sign of life.
            if (scenario.isStale) expect(commandsOf(after).every(({ attempt }) => attempt <= 1)).toBe(true);
            if (claims.length > 0) after = withLeases(after, Number(step.name[0]), claims, address);
            for (const { state } of commandsOf(after)) ends.add(state);
            edges += 1;
            visit(after);
          }
          visit(pointAfter(point, LEASE_MS, 'a lease passes'));
          visit(pointAfter(point, TTL_MS + TIMEOUT_MS, 'all deadlines pass'));
        }
        frontier = next;
      }
      // The exploration was not trivial: it reached all final states.
      expect(edges).toBeGreaterThan(2000);
      expect([...ends]).toEqual(
        expect.arrayContaining(['succeeded', 'failed', 'expired', 'cancelled', 'unknown']),
      );
    },
    300_000,
  );
});
