// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { timersKey } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { connectDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import type { RestartableService } from '@lamplighter/test-kit/servers/restartable-service';
import { until } from '@lamplighter/test-kit/until';
import { startStackWithReplica } from '../replicas.js';
import { createRule, expectRule, fleetWith } from '../rule-requests.js';
import type { Stack } from '../stack.js';

let stack: Stack;
let replica: RestartableService;
let redis: Redis;
beforeAll(async () => {
  ({ stack, replica, redis } = await startStackWithReplica());
}, 60_000);

const LIMIT_MS = 60_000;

/** The timers of a fleet. */
async function timers(fleet: TestFleet): Promise<string[]> {
  const all = await Promise.all(
    Array.from({ length: 64 }, (_, shard) => redis.zrange(timersKey(shard), '0', '-1')),
  );
  return all.flat().filter((member) => member.split('/')[1] === fleet.name);
}

const SILENCE = { id: 'silence', absence: { after: '2s' }, then: { siren: true }, else: { siren: false } };

describe('absence rule', () => {
  it(
    'sends one command when a device falls silent and one when it reports again, with two replicas',
    async () => {
      const fleet = await fleetWith(stack, SILENCE);
      const device = await connectDevice(fleet);
      await device.sendReading({ light: 1 });
      expect(await device.nextCommand()).toEqual({ siren: true });
      await device.sendReading({ light: 2 });
      expect(await device.nextCommand()).toEqual({ siren: false });
      expect(await device.nextCommand()).toEqual({ siren: true });
      const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${device.device}/commands`);
      expect(body.commands).toHaveLength(3);
    },
    LIMIT_MS,
  );

  it(
    'covers devices that were silent before it was written',
    async () => {
      const fleet = await stack.broker.newFleet();
      const device = await connectDevice(fleet);
      await device.sendReading({ heat: 1 });
      await stack.lastState(fleet, device.device, ({ heat }) => heat === 1);
      expect(await timers(fleet)).toEqual([]);
      expectRule(await createRule(stack, fleet, SILENCE), 201, 1);
      expect(await device.nextCommand()).toEqual({ siren: true });
    },
    LIMIT_MS,
  );
});

describe('run', () => {
  it(
    'ends by timer after its computed length, without another reading',
    async () => {
      const fleet = await fleetWith(stack, {
        id: 'water',
        when: 'soil > 450',
        then: { pump: true },
        else: { pump: false },
        run: { seconds: '(soil - 450) / 50', max: '10s' },
        settle: '1h',
      });
      const device = await connectDevice(fleet);
      await device.sendReading({ soil: 500 });
      expect(await device.nextCommand()).toEqual({ pump: true });
      expect(await device.nextCommand()).toEqual({ pump: false });
      const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${device.device}/commands`);
      const [off, on] = body.commands.map(({ createdAt }: { createdAt: string }) => Date.parse(createdAt));
      expect(off - on).toBeGreaterThan(900);
      // Until the effect has settled, a dry reading is stored but does not start another run.
      await device.sendReading({ soil: 600 });
      await stack.lastState(fleet, device.device, ({ soil }) => soil === 600);
      expect(device.commands()).toHaveLength(2);
    },
    LIMIT_MS,
  );

  it(
    'ends although the replica that started it is killed',
    async () => {
      const fleet = await fleetWith(stack, {
        id: 'water',
        when: 'soil > 450',
        then: { pump: true },
        else: { pump: false },
        run: { seconds: '2', max: '10s' },
      });
      const device = await connectDevice(fleet);
      await device.sendReading({ soil: 500 });
      expect(await device.nextCommand()).toEqual({ pump: true });
      await replica.kill();
      expect(await device.nextCommand()).toEqual({ pump: false });
      await replica.start();
      await replica.ready();
    },
    LIMIT_MS,
  );
});

describe('hold', () => {
  it(
    'ends by timer if the device stays silent, and is void if the verdict changes back',
    async () => {
      const fleet = await fleetWith(stack, {
        id: 'hot',
        when: 'heat > 30',
        then: { fan: true },
        else: { fan: false },
        hold: '1s',
      });
      const [steady, brief] = await Promise.all([
        connectDevice(fleet, 'steady'),
        connectDevice(fleet, 'brief'),
      ]);
      for (const device of [steady, brief]) {
        await device.sendReading({ heat: 20, _seq: 1 });
        expect(await device.nextCommand()).toEqual({ fan: false });
      }
      await steady.sendReading({ heat: 31, _seq: 2 });
      // Sent together, so that the second reading arrives within the hold even on a slow machine.
      await Promise.all([brief.sendReading({ heat: 31, _seq: 2 }), brief.sendReading({ heat: 20, _seq: 3 })]);
      expect(await steady.nextCommand()).toEqual({ fan: true });
      await stack.lastState(fleet, 'brief', ({ heat }) => heat === 20);
      expect(brief.commands()).toHaveLength(1);
    },
    LIMIT_MS,
  );
});

describe('window', () => {
  it(
    'includes readings that other replicas stored, and late readings',
    async () => {
      const fleet = await fleetWith(stack, {
        id: 'mean',
        when: 'window.avg("heat", "1h") > 30.0 && window.count("heat", "1h") >= 6',
        then: { fan: true },
        else: { fan: false },
      });
      const device = await connectDevice(fleet);
      const now = Date.now();
      const send = (seq: number, heat: number) =>
        device.sendReading({ heat, _seq: seq, _at: now - 20_000 + seq * 1000 }, { qos: 1 });
      for (const seq of [1, 2, 4, 5]) {
        await send(seq, 40);
        await stack.lastState(fleet, device.device, ({ heat }) => heat === 40);
      }
      expect(await device.nextCommand()).toEqual({ fan: false });
      await send(3, 41); // late: it counts but does not trigger the rule
      await until(
        async () => {
          const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${device.device}/telemetry`);
          return body.readings.length === 5;
        },
        { what: 'the late reading in the window' },
      );
      await send(6, 39);
      expect(await device.nextCommand()).toEqual({ fan: true });
    },
    LIMIT_MS,
  );
});

describe('failing rule', () => {
  it(
    'blocks neither other rules nor readings, and shows its error',
    async () => {
      const fleet = await fleetWith(stack, { id: 'broken', when: '10 / int(heat) > 1', then: { fan: true } });
      const sound = { id: 'sound', when: 'heat < 1', then: { heater: true } };
      expectRule(await createRule(stack, fleet, sound), 201, 1);
      const device = await connectDevice(fleet);
      // A replica may have read the rules between the two writes; the second rule is in force within a second.
      const isCommanded = async () => {
        await device.sendReading({ heat: 0 });
        return device.commands().length > 0;
      };
      await until(isCommanded, { what: 'the command of the sound rule', everyMs: 250 });
      expect(await device.nextCommand()).toEqual({ heater: true });
      await until(
        async () => {
          const { body } = await stack.get(`/v1/fleets/${fleet.name}/rules/broken`);
          return body.lastError?.device === device.device && /zero/.test(body.lastError.message);
        },
        { what: 'the error of the rule' },
      );
    },
    LIMIT_MS,
  );
});

describe('loop', () => {
  it(
    'is cut when a rule keeps triggering itself',
    async () => {
      const fleet = await fleetWith(stack, {
        id: 'loop',
        when: 'on == false',
        then: { on: true },
        else: { on: false },
      });
      const device = await connectDevice(fleet);
      let turns = 0;
      await device.sendReading({ on: false });
      // The device reports each command that it obeys, which changes the verdict. A cut lasts a minute.
      for (;;) {
        const command = await device.nextCommand(5000).catch(() => undefined);
        if (command === undefined) break;
        turns += 1;
        await device.sendReading({ on: command.on });
      }
      expect(turns).toBeGreaterThan(30);
      expect(turns).toBeLessThan(120);
    },
    LIMIT_MS,
  );
});
