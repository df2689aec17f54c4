import { FILTERS } from '@lamplighter/contracts/topics';
import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { shareGroup } from '../../../services/rules/src/mqtt/share-group.js';
import { connectLamps } from '../acknowledging-lamps.js';
import { type Stack, startStack } from '../stack.js';

/** A client may subscribe to whatever it wants: Mosquitto checks access when it delivers, after it has chosen a member of a group. */
const STOLEN = [FILTERS.telemetry, FILTERS.acknowledgements];
const THIEVES_PER_ACCOUNT = 3;
const READINGS = 200;
const COMMANDS = 20;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ lesson: true });
}, 60_000);

/** Clients of another fleet, of a device, and without an account join the groups of these names. */
async function thievesOf(groups: readonly string[]) {
  const other = await stack.broker.newFleet();
  const accounts = [other.url, stack.broker.fleetUrl('demo'), stack.broker.url];
  const thieves = await Promise.all(
    accounts.flatMap((url) => Array.from({ length: THIEVES_PER_ACCOUNT }, () => connectMqtt(url))),
  );
  for (const thief of thieves)
    for (const group of groups)
      for (const filter of STOLEN) await thief.subscribe(`$share/${group}/${filter}`);
  return thieves;
}

it('stores every reading and ends every command while nine clients try to join the share group', async () => {
  await thievesOf(['rules', 'rules-', '+']);
  const fleet = await stack.broker.newFleet();
  const sensor = await connectDevice(fleet, 'sensor');
  await Promise.all(Array.from({ length: READINGS }, (_, i) => sensor.sendReading({ light: 400 + i })));
  const stored = async () => {
    const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/sensor/telemetry?limit=500`);
    return body.readings?.length === READINGS;
  };
  await until(stored, { what: 'every reading to be stored' });
  await connectLamps(fleet, [{ device: 'lamp', light: 900, acknowledgement: 'succeeded' }]);
  await stack.lastState(fleet, 'lamp', ({ light }) => light === 900);
  const ids: string[] = [];
  for (let n = 0; n < COMMANDS; n += 1) {
    const { body } = await stack.send('POST', `/v1/fleets/${fleet.name}/devices/lamp/commands`, {
      action: { step: n },
      policy: 'ordered',
      lane: 'steps',
    });
    ids.push(body.id);
  }
  const succeeded = async () => {
    const commands = await Promise.all(ids.map((id) => stack.get(`/v1/commands/${id}`)));
    return commands.every(({ body }) => body.state === 'succeeded');
  };
  await until(succeeded, { what: 'every command to succeed', timeoutMs: 20_000 });
}, 90_000);

it('tells nobody the name of the share group', async () => {
  const group = shareGroup(stack.broker.rulesUrl);
  const texts = [
    stack.broker.output(),
    stack.rules.output(),
    await (await fetch(`${stack.rules.url}/metrics`)).text(),
    await (await fetch(`${stack.rules.url}/health/ready`)).text(),
  ];
  for (const text of texts) expect(text).not.toContain(group);
  const observer = await connectMqtt(stack.broker.rulesUrl);
  await observer.subscribe('$SYS/#');
  await stack.broker.newFleet();
  await observer.next(({ topic }) => topic.startsWith('$SYS/broker/log/'));
  for (const { payload } of observer.received) expect(payload.toString()).not.toContain(group);
}, 60_000);

it('is noticed by readiness and counted if a client knows the name all the same', async () => {
  const ready = async () =>
    (await (await fetch(`${stack.rules.url}/health/ready`)).json()) as { reasons: string[] };
  expect((await ready()).reasons).toEqual([]);
  const group = shareGroup(stack.broker.rulesUrl);
  const { url } = await stack.broker.newFleet();
  for (const thief of [await connectMqtt(url), await connectMqtt(url)])
    await thief.subscribe(`$share/${group}/+/telemetry/#`);
  const { reasons } = await until(
    async () => {
      const response = await ready();
      return (
        response.reasons.some((reason) => reason.includes('canary readings did not come through')) && response
      );
    },
    { what: 'readiness to notice', timeoutMs: 90_000, everyMs: 500 },
  );
  for (const reason of reasons) expect(reason).not.toContain(group);
  expect(await stack.metric('lamplighter_mqtt_canaries_total', { result: 'lost' })).toBeGreaterThan(2);
}, 120_000);
