// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { timersKey } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { connectDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import {
  type RestartableService,
  restartableService,
} from '@lamplighter/test-kit/servers/restartable-service';
import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
let replica: RestartableService;
let redis: Redis;
beforeAll(async () => {
  stack = await startStack();
  replica = await restartableService('rules', {
    MQTT_URL: stack.broker.rulesUrl,
    REDIS_URL: stack.redis.url,
  });
  await replica.ready();
  redis = await connected(stack.redis.url);
}, 60_000);

const LIMIT_MS = 60_000;

async function write(fleet: TestFleet, rule: { id: string; [key: string]: unknown }): Promise<void> {
  const response = await stack.send('POST', `/v1/fleets/${fleet.name}/rules?allowUnknown=true`, rule);
  if (response.status !== 201) throw new Error(`${response.status} ${JSON.stringify(response.body)}`);
}
async function fleetWith(rule: { id: string; [key: string]: unknown }): Promise<TestFleet> {
  const fleet = await stack.broker.newFleet();
  await write(fleet, rule);
  return fleet;
}
/** Timers of a fleet that are set. */
async function timers(fleet: TestFleet): Promise<string[]> {
  const all = await Promise.all(
    Array.from({ length: 64 }, (_, shard) => redis.zrange(timersKey(shard), '0', '-1')),
  );
  return all.flat().filter((member) => member.split('/')[1] === fleet.name);
}

const SILENCE = { id: 'silence', absence: { after: '2s' }, then: { siren: true }, else: { siren: false } };

describe('a rule about silence', () => {
  it(
    'commands once when a device falls silent, whichever of two replicas finds out, and once when it is heard again',
    async () => {
      const fleet = await fleetWith(SILENCE);
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
    'finds devices that were silent before it was written',
    async () => {
      const fleet = await stack.broker.newFleet();
      const device = await connectDevice(fleet);
      await device.sendReading({ heat: 1 });
      await stack.lastState(fleet, device.device, ({ heat }) => heat === 1);
      expect(await timers(fleet)).toEqual([]);
      await write(fleet, SILENCE);
      expect(await device.nextCommand()).toEqual({ siren: true });
    },
    LIMIT_MS,
  );
});

describe('a run', () => {
  it(
    'is ended by its timer, as long as the excess asks for, although no reading comes',
    async () => {
      const fleet = await fleetWith({
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
      // What is still dry while the water settles does not start it again, and is stored.
      await device.sendReading({ soil: 600 });
      await stack.lastState(fleet, device.device, ({ soil }) => soil === 600);
      expect(device.commands()).toHaveLength(2);
    },
    LIMIT_MS,
  );

  it(
    'is ended by another replica if the one that began it is killed',
    async () => {
      const fleet = await fleetWith({
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

describe('a verdict that has to hold', () => {
  it(
    'is believed by timer when the device does not speak in between, and not if it has taken it back',
    async () => {
      const fleet = await fleetWith({
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
      // In one breath, so that no machine is too slow for the second one to come within the hold.
      await Promise.all([brief.sendReading({ heat: 31, _seq: 2 }), brief.sendReading({ heat: 20, _seq: 3 })]);
      expect(await steady.nextCommand()).toEqual({ fan: true });
      await stack.lastState(fleet, 'brief', ({ heat }) => heat === 20);
      expect(brief.commands()).toHaveLength(1);
    },
    LIMIT_MS,
  );
});

describe('a rule that looks back', () => {
  it(
    'sees what both replicas have stored, and late readings, too',
    async () => {
      const fleet = await fleetWith({
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
      await send(3, 41); // late: it counts, and does not actuate
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

describe('a rule that fails', () => {
  it(
    'stops no other rule and no reading, is counted, and shows what went wrong',
    async () => {
      const fleet = await fleetWith({ id: 'broken', when: '10 / int(heat) > 1', then: { fan: true } });
      await write(fleet, { id: 'sound', when: 'heat < 1', then: { heater: true } });
      const device = await connectDevice(fleet);
      // A replica may have read the rules between the two writes; the second one is in force within a second.
      const told = async () => {
        await device.sendReading({ heat: 0 });
        return device.commands().length > 0;
      };
      await until(told, { what: 'the sound rule to command', everyMs: 250 });
      expect(await device.nextCommand()).toEqual({ heater: true });
      await until(
        async () => {
          const { body } = await stack.get(`/v1/fleets/${fleet.name}/rules/broken`);
          return body.lastError?.device === device.device && /zero/.test(body.lastError.message);
        },
        { what: 'the error beside the rule' },
      );
    },
    LIMIT_MS,
  );
});

describe('rules that feed each other', () => {
  it(
    'are cut when they go round too fast, and the device is left in peace',
    async () => {
      const fleet = await fleetWith({
        id: 'loop',
        when: 'on == false',
        then: { on: true },
        else: { on: false },
      });
      const device = await connectDevice(fleet);
      let turns = 0;
      await device.sendReading({ on: false });
      // Does as it is told, and says so, which makes the rule change its mind.
      for (;;) {
        const command = await device.nextCommand(2000).catch(() => undefined);
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
