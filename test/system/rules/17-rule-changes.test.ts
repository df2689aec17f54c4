// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleInput } from '@lamplighter/evaluation/rule/rule';
import { rulesKey } from '@lamplighter/store/keys';
import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import {
  type RestartableService,
  restartableService,
} from '@lamplighter/test-kit/servers/restartable-service';
import { until } from '@lamplighter/test-kit/until';
import { rulePageSchema } from '../../../services/api/src/rules/rule.schema.js';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { expectRule, FAN, putRule, rulesOf } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
let replica: RestartableService;
beforeAll(async () => {
  stack = await startStack();
  replica = await restartableService('rules', {
    MQTT_URL: stack.broker.rulesUrl,
    REDIS_URL: stack.redis.url,
  });
  await replica.ready();
}, 60_000);

const LIMIT_MS = 60_000;
const put = (fleet: TestFleet, rule: RuleInput, headers?: Record<string, string>) =>
  putRule(stack, fleet, rule, headers);

/** Within this time of the answer a write is in force everywhere. */
const aSecondAfter = (since: number) =>
  until(() => performance.now() - since >= 1000, { what: 'a second', timeoutMs: 2000 });

/** Devices that have not sent anything yet, so that the first reading of each tells what the replica that takes it knows. */
let names = 0;
function newDevices(fleet: TestFleet, count: number): Promise<TestDevice[]> {
  return Promise.all(Array.from({ length: count }, () => connectDevice(fleet, `fan-${++names}`)));
}

/** Every device sends this once; settles when all is stored and both replicas have taken a share of it. */
async function sendAll(fleet: TestFleet, devices: readonly TestDevice[], reading: Record<string, unknown>) {
  const before = await taken();
  await Promise.all(devices.map((device) => device.sendReading(reading)));
  await Promise.all(
    devices.map(({ device }) =>
      stack.lastState(fleet, device, (last) =>
        Object.entries(reading).every(([name, value]) => last[name] === value),
      ),
    ),
  );
  await until(async () => (await taken()).every((count, i) => count > before[i]!), {
    what: 'both replicas to have taken a share',
  });
}

/** Readings that each replica has accepted. */
const taken = () => metricOf(/telemetry_messages_total\{result="accepted"\} (\d+)/);

/** A number in the metrics of both replicas. */
const metricOf = (line: RegExp) =>
  Promise.all(
    [stack.rules, replica].map(async ({ url }) =>
      Number(line.exec(await (await fetch(`${url}/metrics`)).text())?.[1]),
    ),
  );

/** Rules that each replica leaves out. */
const unusable = () => metricOf(/rules_unusable (\d+)/);

describe('a rule', () => {
  it(
    'is in force in both replicas a second after it was written, switched, and deleted, without a restart',
    async () => {
      const fleet = await stack.broker.newFleet();
      const [first, second, third, fourth] = await Promise.all([1, 2, 3, 4].map(() => newDevices(fleet, 12)));
      // Both replicas have heard of the fleet, and have its seeds.
      await sendAll(fleet, await newDevices(fleet, 12), { heat: 1 });

      await aSecondAfter(
        expectRule(await stack.send('POST', `${rulesOf(fleet)}?allowUnknown=true`, FAN), 201, 1),
      );
      await sendAll(fleet, first!, { heat: 31 });
      for (const device of first!) expect(await device.nextCommand()).toEqual({ fan: 'fast' });

      await aSecondAfter(expectRule(await stack.send('POST', `${rulesOf(fleet)}/fan/disable`), 200, 2));
      await sendAll(fleet, second!, { heat: 31 });

      await aSecondAfter(expectRule(await stack.send('POST', `${rulesOf(fleet)}/fan/enable`), 200, 3));
      await sendAll(fleet, third!, { heat: 29 });
      for (const device of third!) expect(await device.nextCommand()).toEqual({ fan: 'off' });

      const colder = { ...FAN, when: 'heat > 20' };
      await aSecondAfter(expectRule(await put(fleet, colder, { 'if-match': '"3"' }), 200, 4));
      await sendAll(fleet, second!, { heat: 29 });
      // The first word that these hear: while the rule was off there was none.
      for (const device of second!) {
        expect(await device.nextCommand()).toEqual({ fan: 'fast' });
        expect(device.commands()).toHaveLength(1);
      }

      const deleted = await stack.send('DELETE', `${rulesOf(fleet)}/fan`, undefined, { 'if-match': '"4"' });
      expect(deleted.status).toBe(204);
      await aSecondAfter(performance.now());
      await sendAll(fleet, fourth!, { heat: 31 });
      for (const { device } of fourth!) {
        const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${device}/commands`);
        expect(body.commands).toEqual([]);
      }
    },
    LIMIT_MS,
  );

  it(
    'that cannot be read or compiled is shown and left out, and the others are in force all the same',
    async () => {
      const fleet = await stack.broker.newFleet();
      expectRule(await stack.send('POST', `${rulesOf(fleet)}?allowUnknown=true`, FAN), 201, 1);
      const redis = await connected(stack.redis.url);
      const fan = await redis.hget(rulesKey(fleet.name), 'fan');
      const uncompilable = fan!.replace('"fan"', '"no-cel"').replace('heat > 30', 'heat >');
      await redis.hset(rulesKey(fleet.name), 'broken', '{"version":', 'no-cel', uncompilable);
      // Nobody tells of what was written by hand; with the next write it is read.
      expectRule(
        await stack.send('POST', `${rulesOf(fleet)}?allowUnknown=true`, {
          ...FAN,
          id: 'pump',
          then: { pump: 'on' },
        }),
        201,
        1,
      );
      const [device] = await newDevices(fleet, 1);
      // The pump may need its second to be in force.
      await until(
        async () => {
          await device!.sendReading({ heat: 31 });
          return device!.commands().length === 2;
        },
        { what: 'both commands', everyMs: 100 },
      );
      expect(device!.commands()).toEqual(expect.arrayContaining([{ fan: 'fast' }, { pump: 'on' }]));
      await until(
        async () => {
          const { body } = await stack.get(rulesOf(fleet));
          expect(rulePageSchema.parse(body)).toEqual(body);
          expect(body.rules).toMatchObject([
            {
              id: 'broken',
              version: 0,
              enabled: false,
              lastError: { message: expect.stringContaining('not a rule') },
            },
            { id: 'fan', version: 1, enabled: true },
            {
              id: 'no-cel',
              enabled: true,
              lastError: { message: expect.any(String), at: expect.any(String) },
            },
            { id: 'pump', version: 1, enabled: true },
          ]);
          expect(body.rules[1]).not.toHaveProperty('lastError');
          return true;
        },
        { what: 'the broken rules to be shown' },
      );
      await until(async () => (await unusable()).join() === '2,2', {
        what: 'both replicas to leave them out',
      });
      const mended = await put(fleet, { ...FAN, id: 'broken' }, { 'if-match': '"0"' });
      expectRule(mended, 200, 1);
      expect((await stack.get(`${rulesOf(fleet)}/broken`)).body).not.toHaveProperty('lastError');
    },
    LIMIT_MS,
  );

  it(
    'that fails on a reading is shown with the device until it is mended, and the others judge that reading',
    async () => {
      const fleet = await stack.broker.newFleet();
      const share = { ...FAN, id: 'share', when: '100 / heat > 5', then: { share: 1 }, else: undefined };
      expectRule(await stack.send('POST', `${rulesOf(fleet)}?allowUnknown=true`, share), 201, 1);
      await aSecondAfter(
        expectRule(await stack.send('POST', `${rulesOf(fleet)}?allowUnknown=true`, FAN), 201, 1),
      );
      const [device] = await newDevices(fleet, 1);
      for (let i = 0; i < 3; i += 1) await device!.sendReading({ heat: 0 });
      expect(await device!.nextCommand()).toEqual({ fan: 'off' });
      const read = async () => (await stack.get(`${rulesOf(fleet)}/share`)).body;
      await until(
        async () => {
          // What is judged again, since the other replica was first, fails again.
          const { lastError } = await read();
          expect(lastError).toMatchObject({
            device: device!.device,
            message: expect.stringMatching(/zero/i),
          });
          return lastError.count >= 3;
        },
        { what: 'three errors to be shown' },
      );
      const mended = await put(
        fleet,
        { ...share, when: 'heat > 0 && 100 / heat > 5' },
        { 'if-match': '"1"' },
      );
      expect(mended.body).not.toHaveProperty('lastError');
      await aSecondAfter(expectRule(mended, 200, 2));
      await device!.sendReading({ heat: 10 });
      expect(await device!.nextCommand()).toEqual({ share: 1 });
      expect(await read()).not.toHaveProperty('lastError');
      expect(device!.commands()).toHaveLength(2);
    },
    LIMIT_MS,
  );

  it(
    'with which a fleet began does not come back after it was deleted, and a restart neither forgets nor fires',
    async () => {
      const fleet = await stack.broker.newFleet();
      const [device] = await newDevices(fleet, 1);
      let _seq = 0;
      const send = (reading: object) => device!.sendReading({ ...reading, _seq: ++_seq });
      await send({ light: 10 });
      expect(await device!.nextCommand()).toEqual({ led_on: true });
      const [seed] = (await stack.get(rulesOf(fleet))).body.rules;
      expect(seed).toMatchObject({ id: 'night-light', version: 1, rule: { when: 'light < 300' } });
      const gone = await stack.send('DELETE', `${rulesOf(fleet)}/night-light`, undefined, {
        'if-match': '"1"',
      });
      expect(gone.status).toBe(204);
      await aSecondAfter(expectRule(await put(fleet, { ...FAN, clear: 'heat < 25' }), 201, 1));
      await send({ heat: 31 });
      expect(await device!.nextCommand()).toEqual({ fan: 'fast' });

      await replica.stop();
      await replica.start();
      await replica.ready();
      const before = await taken();
      // Neither on nor off by itself, whoever takes these: 28 is between the limits, and light has no rule any more.
      for (const light of [500, 10, 500, 10, 500, 10]) await send({ heat: 28, light });
      await stack.lastState(fleet, device!.device, () => true);
      await until(async () => (await taken()).every((count, i) => count > before[i]!), {
        what: 'both replicas to have taken some',
      });
      await send({ heat: 24, light: 500 });
      expect(await device!.nextCommand()).toEqual({ fan: 'off' });
      expect(device!.commands()).toHaveLength(3);
      expect((await stack.get(rulesOf(fleet))).body.rules.map(({ id }: { id: string }) => id)).toEqual([
        'fan',
      ]);
    },
    LIMIT_MS,
  );
});
