// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import type { RuleInput } from '@lamplighter/evaluation/rule/rule';
import { listCommands } from '@lamplighter/store/commands/read-commands';
import type { Redis } from '@lamplighter/store/redis/connect';
import { readGroups } from '@lamplighter/store/rules/groups';
import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import type { RestartableService } from '@lamplighter/test-kit/servers/restartable-service';
import { until } from '@lamplighter/test-kit/until';
import { startStackWithReplica } from '../replicas.js';
import { expectRule, putRule } from '../rule-requests.js';
import type { Stack } from '../stack.js';

let stack: Stack;
let replica: RestartableService;
let redis: Redis;
beforeAll(async () => {
  ({ stack, replica, redis } = await startStackWithReplica());
}, 60_000);

const LIMIT_MS = 60_000;
const ON = { led_on: true };
const OFF = { led_on: false };
const SAFE = { led_on: true, level: 20 };
const [DARK, BRIGHT] = [100, 800];
/** Long enough for a busy machine to store all votes in time. */
const MAX_AGE_MS = 5000;
const MAX_AGE = `${MAX_AGE_MS / 1000}s`;
const NAMES = ['mast-1', 'mast-2', 'mast-3', 'mast-4', 'mast-5'];

/** Five sensors on masts, and the floodlight that they control. */
interface Stadium {
  readonly fleet: TestFleet;
  readonly lamp: TestDevice;
  /** The named sensors report at the same time; settles when all readings, and so their votes, are stored. */
  report(lights: Readonly<Record<string, number>>): Promise<void>;
  reportAll(light: number): Promise<void>;
  /** The stored state of the group, and its number of votes. */
  group(): Promise<{ state: Record<string, unknown>; votes: number }>;
}

async function stadium(rule: Partial<RuleInput> = {}): Promise<Stadium> {
  const fleet = await stack.broker.newFleet();
  const id = 'floodlights';
  expectRule(
    await putRule(stack, fleet, {
      id,
      scope: { devices: ['mast-*'] },
      when: 'light < 300',
      clear: 'light > 330',
      quorum: { policy: 'majority', expected: 5 },
      target: { devices: ['floodlight'] },
      then: ON,
      else: OFF,
      ...rule,
    }),
    201,
    1,
  );
  const sensors = new Map(
    await Promise.all(NAMES.map(async (name) => [name, await connectDevice(fleet, name)] as const)),
  );
  const lamp = await connectDevice(fleet, 'floodlight');
  // Commands are dispatched only to online devices.
  await lamp.sendReading({ hours: 0 });
  let _seq = 0;
  const report = async (lights: Readonly<Record<string, number>>) => {
    _seq += 1;
    const seq = _seq;
    await lamp.sendReading({ hours: seq });
    await Promise.all(
      Object.entries(lights).map(([name, light]) => sensors.get(name)!.sendReading({ light, _seq: seq })),
    );
    const isStored = async (name: string) => {
      const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${name}`);
      return body.last?.seq === seq;
    };
    await Promise.all(
      Object.keys(lights).map((name) =>
        until(() => isStored(name), { what: `the reading of ${name} to be stored` }),
      ),
    );
  };
  return {
    fleet,
    lamp,
    report,
    reportAll: (light) => report(Object.fromEntries(NAMES.map((name) => [name, light]))),
    async group() {
      const { groups } = await readGroups(redis, [{ fleet: fleet.name, rule: id }]);
      const { state, votes } = groups[0]!;
      return { state: state === '' ? {} : JSON.parse(state), votes: votes.length };
    },
  };
}

describe('majority of five sensors', () => {
  it(
    'switches the floodlight together, and ignores a single sensor that differs',
    async () => {
      const { fleet, lamp, report, reportAll } = await stadium();
      await report({ 'mast-1': DARK });
      await report({ 'mast-2': DARK, 'mast-3': DARK });
      expect(await lamp.nextCommand()).toEqual(ON);
      await reportAll(BRIGHT);
      expect(await lamp.nextCommand()).toEqual(OFF);
      for (const name of NAMES) {
        await report({ [name]: DARK });
        await report({ [name]: BRIGHT });
      }
      await report({ 'mast-1': DARK, 'mast-2': DARK }); // two of five
      await report({ 'mast-3': DARK });
      expect(await lamp.nextCommand()).toEqual(ON);
      expect(lamp.commands()).toEqual([ON, OFF, ON]);
      const [command] = await listCommands(redis, fleet.name, 'floodlight', { limit: 1 });
      expect(command).toMatchObject({
        source: 'rule',
        rule: 'floodlights',
        because: { tally: { policy: 'majority', verdict: true, expected: 5, fresh: 5, yes: 3, no: 2 } },
      });
    },
    LIMIT_MS,
  );

  it(
    'continues without sensors that fall silent',
    async () => {
      const { lamp, report, reportAll } = await stadium({ maxAge: MAX_AGE });
      await reportAll(BRIGHT);
      expect(await lamp.nextCommand()).toEqual(OFF);
      await until(
        async () => {
          await report({ 'mast-1': DARK, 'mast-2': DARK, 'mast-3': BRIGHT });
          return lamp.commands().length === 2;
        },
        { what: 'the votes of the silent sensors to expire', timeoutMs: 30_000, everyMs: 200 },
      );
      expect(await lamp.nextCommand()).toEqual(ON);
    },
    LIMIT_MS,
  );

  it(
    'decides once, even if several replicas process the readings',
    async () => {
      const { lamp, reportAll } = await stadium();
      const lights = [DARK, BRIGHT, DARK, BRIGHT, DARK, BRIGHT];
      for (const light of lights) {
        await reportAll(light);
        expect(await lamp.nextCommand()).toEqual(light === DARK ? ON : OFF);
        await reportAll(light);
      }
      expect(lamp.commands()).toHaveLength(lights.length);
    },
    LIMIT_MS,
  );
});

it(
  'a floodlight that was switched off by hand gets its command again, and the command explains why',
  async () => {
    const { fleet, lamp, report, reportAll } = await stadium({ reassert: '1s' });
    await reportAll(DARK);
    expect(await lamp.nextCommand()).toEqual(ON);
    const lastCommand = async () => (await listCommands(redis, fleet.name, 'floodlight', { limit: 1 }))[0]!;
    const first = await lastCommand();
    // Either replica may process its readings, including the one that did not decide.
    await until(
      async () => {
        await lamp.sendReading({ led_on: false });
        return lamp.commands().length === 3;
      },
      { what: 'two more commands', timeoutMs: 20_000, everyMs: 100 },
    );
    const commands = await listCommands(redis, fleet.name, 'floodlight', { limit: 3 });
    const [third, second] = commands.map(({ createdAt }) => createdAt) as [number, number];
    expect(second - first.createdAt).toBeGreaterThan(900);
    expect(third - second).toBeGreaterThan(1900);
    const { id } = await lastCommand();
    const why = (await stack.get(`/v1/commands/${id}/why`)).body;
    expect(why.because).toMatchObject({
      ...{ rule: 'floodlights', replayed: true, reading: { led_on: false }, state: { repeats: 1 } },
      group: { toldAt: expect.any(String) },
    });
    expect(why.sentences).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^the device reported that led_on was false, and the last command was sent .* ago, more than 2 s$/,
        ),
        'the rule was raised as before, so {"led_on":true} was sent again',
      ]),
    );
    // After the floodlight obeys, only the opposite verdict sends a command.
    await lamp.sendReading({ led_on: true });
    await report({ 'mast-1': BRIGHT, 'mast-2': BRIGHT, 'mast-3': BRIGHT });
    for (const expected of [ON, ON, OFF]) expect(await lamp.nextCommand()).toEqual(expected);
  },
  LIMIT_MS,
);

it(
  'a median ignores the outliers of one sensor',
  async () => {
    const { lamp, report, reportAll } = await stadium({
      quorum: { policy: 'median', of: 'light', expected: 5 },
      when: 'value < 300',
      clear: 'value > 330',
    });
    await reportAll(BRIGHT);
    expect(await lamp.nextCommand()).toEqual(OFF);
    for (const outlier of [-1e9, 0, 1e9, BRIGHT]) await report({ 'mast-3': outlier });
    await report({ 'mast-1': 280, 'mast-2': 290, 'mast-3': 1e9, 'mast-4': 299, 'mast-5': 310 });
    expect(await lamp.nextCommand()).toEqual(ON);
    await report({ 'mast-1': 320, 'mast-2': 320 }); // between 300 and 330 nothing changes
    await reportAll(331);
    expect(await lamp.nextCommand()).toEqual(OFF);
    expect(lamp.commands()).toHaveLength(3);
  },
  LIMIT_MS,
);

it(
  'a lost quorum holds, releases or sends its safe action, and resumes when enough votes return',
  async () => {
    const [holds, releases, isSafe] = await Promise.all([
      stadium({ maxAge: MAX_AGE }),
      stadium({ maxAge: MAX_AGE, quorum: { policy: 'majority', expected: 5, lost: 'release' } }),
      stadium({ maxAge: MAX_AGE, quorum: { policy: 'majority', expected: 5, lost: 'safe', safe: SAFE } }),
    ]);
    const all = [holds, releases, isSafe];
    await Promise.all(all.map(({ reportAll }) => reportAll(DARK)));
    for (const { lamp } of all) expect(await lamp.nextCommand()).toEqual(ON);
    expect(await releases.lamp.nextCommand(20_000)).toEqual(OFF);
    expect(await isSafe.lamp.nextCommand(20_000)).toEqual(SAFE);
    await until(async () => (await holds.group()).state.lostAt !== undefined, {
      what: 'the quorum to be lost',
    });
    const restored = until(
      async () => {
        await Promise.all(all.map(({ reportAll }) => reportAll(DARK)));
        return isSafe.lamp.commands().length === 3;
      },
      { what: 'a command after the safe action', timeoutMs: 30_000, everyMs: 200 },
    );
    expect(await releases.lamp.nextCommand()).toEqual(ON);
    await restored;
    expect(await isSafe.lamp.nextCommand()).toEqual(ON);
    expect(all.map(({ lamp }) => lamp.commands().length)).toEqual([1, 3, 3]);
  },
  LIMIT_MS,
);

it(
  'a quorum of listed devices is lost if none of them ever reports',
  async () => {
    const { lamp } = await stadium({
      maxAge: '2s',
      scope: { devices: NAMES },
      quorum: { policy: 'majority', lost: 'safe', safe: SAFE },
    });
    await lamp.sendReading({ led_on: false });
    expect(await lamp.nextCommand()).toEqual(SAFE);
  },
  LIMIT_MS,
);

it(
  'a restart of all replicas keeps the group state and triggers nothing',
  async () => {
    const { fleet, lamp, report, reportAll, group } = await stadium({
      maxAge: MAX_AGE,
      quorum: { policy: 'majority', expected: 5, lost: 'release' },
    });
    await reportAll(DARK);
    expect(await lamp.nextCommand()).toEqual(ON);
    // A killed replica may leave a dispatch open, which would be repeated after the restart.
    await until(
      async () => {
        const [command] = await listCommands(redis, fleet.name, 'floodlight', { limit: 1 });
        return command!.state === 'unknown';
      },
      { what: 'the command to end' },
    );
    await Promise.all([stack.rules.stop(), replica.kill()]);
    const stoppedAt = performance.now();
    await until(() => performance.now() - stoppedAt > MAX_AGE_MS + 1000, { what: 'every vote to be stale' });
    await replica.start();
    await replica.ready();
    // The timer for lost quorums came due while no replica ran; the group must get time to report first.
    await reportAll(DARK);
    expect(await group()).toMatchObject({ votes: 5, state: { rule: { raised: true } } });
    await report({ 'mast-1': BRIGHT, 'mast-2': BRIGHT, 'mast-3': BRIGHT, 'mast-4': DARK, 'mast-5': DARK });
    expect(await lamp.nextCommand()).toEqual(OFF);
    expect(lamp.commands()).toEqual([ON, OFF]);
  },
  LIMIT_MS,
);

it(
  'a quorum of listed devices is lost even if its rule was written while no replica ran',
  async () => {
    await Promise.all([stack.rules.stop(), replica.kill()]);
    const { lamp } = await stadium({
      maxAge: '2s',
      scope: { devices: NAMES },
      quorum: { policy: 'majority', lost: 'safe', safe: SAFE },
    });
    await replica.start();
    await replica.ready();
    await lamp.sendReading({ hours: 1 });
    expect(await lamp.nextCommand(20_000)).toEqual(SAFE);
  },
  LIMIT_MS,
);
