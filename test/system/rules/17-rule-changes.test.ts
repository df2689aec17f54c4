// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleInput } from '@lamplighter/evaluation/rule/rule';
import { rulesKey } from '@lamplighter/store/keys';
import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import type { RestartableService } from '@lamplighter/test-kit/servers/restartable-service';
import { until } from '@lamplighter/test-kit/until';
import { rulePageSchema } from '../../../services/api/src/rules/rule.schema.js';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { startStackWithReplica } from '../replicas.js';
import { createRule, expectRule, FAN, putRule, rulesOf } from '../rule-requests.js';
import type { Stack } from '../stack.js';

let stack: Stack;
let replica: RestartableService;
beforeAll(async () => {
  ({ stack, replica } = await startStackWithReplica());
}, 60_000);

const LIMIT_MS = 60_000;
const put = (fleet: TestFleet, rule: RuleInput, headers?: Record<string, string>) =>
  putRule(stack, fleet, rule, headers);

/** A write is in force in every replica within a second; a busy machine gets twice that. */
const IN_FORCE_MS = 2000;
const waitUntilInForce = (since: number) =>
  until(() => performance.now() - since >= IN_FORCE_MS, { what: 'the write to be in force' });

/** Devices that have not sent anything yet, so that the first reading of each shows which rules its replica has. */
let names = 0;
function newDevices(fleet: TestFleet, count: number): Promise<TestDevice[]> {
  return Promise.all(Array.from({ length: count }, () => connectDevice(fleet, `fan-${++names}`)));
}

/** Each device sends the reading once; settles when all are stored and both replicas have accepted some. */
async function sendAll(fleet: TestFleet, devices: readonly TestDevice[], reading: Record<string, unknown>) {
  const before = await acceptedReadings();
  await Promise.all(devices.map((device) => device.sendReading(reading)));
  await Promise.all(
    devices.map(({ device }) =>
      stack.lastState(fleet, device, (last) =>
        Object.entries(reading).every(([name, value]) => last[name] === value),
      ),
    ),
  );
  await until(async () => (await acceptedReadings()).every((count, i) => count > before[i]!), {
    what: 'both replicas to accept readings',
  });
}

/** Readings that each replica has accepted. */
const acceptedReadings = () => metricOf(/telemetry_messages_total\{result="accepted"\} (\d+)/);

/** The value of a metric in both replicas. */
const metricOf = (line: RegExp) =>
  Promise.all(
    [stack.rules, replica].map(async ({ url }) =>
      Number(line.exec(await (await fetch(`${url}/metrics`)).text())?.[1]),
    ),
  );

/** Number of rules that each replica cannot use. */
const unusable = () => metricOf(/rules_unusable (\d+)/);

describe('rule', () => {
  it(
    'takes effect in both replicas after it is written, switched off and on, and deleted',
    async () => {
      const fleet = await stack.broker.newFleet();
      const [first, second, third, fourth] = await Promise.all([1, 2, 3, 4].map(() => newDevices(fleet, 12)));
      // Both replicas load the fleet with its seed rules.
      await sendAll(fleet, await newDevices(fleet, 12), { heat: 1 });

      await waitUntilInForce(expectRule(await createRule(stack, fleet, FAN), 201, 1));
      await sendAll(fleet, first!, { heat: 31 });
      for (const device of first!) expect(await device.nextCommand()).toEqual({ fan: 'fast' });

      await waitUntilInForce(expectRule(await stack.send('POST', `${rulesOf(fleet)}/fan/disable`), 200, 2));
      await sendAll(fleet, second!, { heat: 31 });

      await waitUntilInForce(expectRule(await stack.send('POST', `${rulesOf(fleet)}/fan/enable`), 200, 3));
      await sendAll(fleet, third!, { heat: 29 });
      for (const device of third!) expect(await device.nextCommand()).toEqual({ fan: 'off' });

      const colder = { ...FAN, when: 'heat > 20' };
      await waitUntilInForce(expectRule(await put(fleet, colder, { 'if-match': '"3"' }), 200, 4));
      await sendAll(fleet, second!, { heat: 29 });
      // The first command that these devices receive: the rule was off when they reported before.
      for (const device of second!) {
        expect(await device.nextCommand()).toEqual({ fan: 'fast' });
        expect(device.commands()).toHaveLength(1);
      }

      const deleted = await stack.send('DELETE', `${rulesOf(fleet)}/fan`, undefined, { 'if-match': '"4"' });
      expect(deleted.status).toBe(204);
      await waitUntilInForce(performance.now());
      await sendAll(fleet, fourth!, { heat: 31 });
      for (const { device } of fourth!) {
        const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${device}/commands`);
        expect(body.commands).toEqual([]);
      }
    },
    LIMIT_MS,
  );

  it(
    'that cannot be read or compiled is shown with its error, and other rules still work',
    async () => {
      const fleet = await stack.broker.newFleet();
      expectRule(await createRule(stack, fleet, FAN), 201, 1);
      const redis = await connected(stack.redis.url);
      const fan = await redis.hget(rulesKey(fleet.name), 'fan');
      const uncompilable = fan!.replace('"fan"', '"no-cel"').replace('heat > 30', 'heat >');
      await redis.hset(rulesKey(fleet.name), 'broken', '{"version":', 'no-cel', uncompilable);
      // Replicas are not notified of these direct writes; they read them with the next write through the API.
      expectRule(await createRule(stack, fleet, { ...FAN, id: 'pump', then: { pump: 'on' } }), 201, 1);
      const [device] = await newDevices(fleet, 1);
      // The pump rule takes up to a second to be in force.
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
        what: 'both replicas to report the two unusable rules',
      });
      const repaired = await put(fleet, { ...FAN, id: 'broken' }, { 'if-match': '"0"' });
      expectRule(repaired, 200, 1);
      expect((await stack.get(`${rulesOf(fleet)}/broken`)).body).not.toHaveProperty('lastError');
    },
    LIMIT_MS,
  );

  it(
    'that fails on a reading is shown with the device until it is repaired, and other rules still evaluate the reading',
    async () => {
      const fleet = await stack.broker.newFleet();
      const share = { ...FAN, id: 'share', when: '100 / heat > 5', then: { share: 1 }, else: undefined };
      expectRule(await createRule(stack, fleet, share), 201, 1);
      await waitUntilInForce(expectRule(await createRule(stack, fleet, FAN), 201, 1));
      const [device] = await newDevices(fleet, 1);
      for (let i = 0; i < 3; i += 1) await device!.sendReading({ heat: 0 });
      expect(await device!.nextCommand()).toEqual({ fan: 'off' });
      const read = async () => (await stack.get(`${rulesOf(fleet)}/share`)).body;
      await until(
        async () => {
          // A reading that is evaluated again, because the other replica was first, fails again.
          const { lastError } = await read();
          expect(lastError).toMatchObject({
            device: device!.device,
            message: expect.stringMatching(/zero/i),
          });
          return lastError.count >= 3;
        },
        { what: 'three errors to be shown' },
      );
      const repaired = await put(
        fleet,
        { ...share, when: 'heat > 0 && 100 / heat > 5' },
        { 'if-match': '"1"' },
      );
      expect(repaired.body).not.toHaveProperty('lastError');
      await waitUntilInForce(expectRule(repaired, 200, 2));
      await device!.sendReading({ heat: 10 });
      expect(await device!.nextCommand()).toEqual({ share: 1 });
      expect(await read()).not.toHaveProperty('lastError');
      expect(device!.commands()).toHaveLength(2);
    },
    LIMIT_MS,
  );

  it(
    'that was a seed does not return after its deletion, and a restart neither loses rule states nor triggers rules',
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
      await waitUntilInForce(expectRule(await put(fleet, { ...FAN, clear: 'heat < 25' }), 201, 1));
      await send({ heat: 31 });
      expect(await device!.nextCommand()).toEqual({ fan: 'fast' });

      await replica.stop();
      await replica.start();
      await replica.ready();
      const before = await acceptedReadings();
      // No replica may send a command for these: 28 is between the limits, and no rule uses light any more. A reading that one replica
      // stores after the next one is late and not counted, so this continues until both replicas have accepted one.
      await until(
        async () => {
          await send({ heat: 28, light: _seq % 2 === 0 ? 500 : 10 });
          return (await acceptedReadings()).every((count, i) => count > before[i]!);
        },
        { what: 'both replicas to accept readings', everyMs: 50 },
      );
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
