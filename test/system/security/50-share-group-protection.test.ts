import { FILTERS } from '@lamplighter/contracts/topics';
import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { shareGroup } from '../../../services/rules/src/mqtt/share-group.js';
import { connectLamps } from '../acknowledging-lamps.js';
import { type Stack, startStack } from '../stack.js';

/** Any client can subscribe to these: Mosquitto checks access on delivery, after it has chosen a member of the share group. */
const RULES_FILTERS = [FILTERS.telemetry, FILTERS.acknowledgements];
const INTRUDERS_PER_ACCOUNT = 3;
const READINGS = 200;
const COMMANDS = 20;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ lesson: true });
}, 60_000);

/** Connects clients with the account of another fleet, of a device, and without an account, which join share groups. */
async function connectIntruders(groups: readonly string[]) {
  const other = await stack.broker.newFleet();
  const accounts = [other.url, stack.broker.fleetUrl('demo'), stack.broker.url];
  const intruders = await Promise.all(
    accounts.flatMap((url) => Array.from({ length: INTRUDERS_PER_ACCOUNT }, () => connectMqtt(url))),
  );
  for (const intruder of intruders)
    for (const group of groups)
      for (const filter of RULES_FILTERS) await intruder.subscribe(`$share/${group}/${filter}`);
  return intruders;
}

it('stores every reading and ends every command while nine clients try to join the share group', async () => {
  await connectIntruders(['rules', 'rules-', '+']);
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

it('does not reveal the name of the share group', async () => {
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

it('reports lost canaries in readiness and metrics if a client knows the name', async () => {
  const ready = async () =>
    (await (await fetch(`${stack.rules.url}/health/ready`)).json()) as { reasons: string[] };
  await until(async () => (await ready()).reasons.length === 0, { what: 'rules to be ready' });
  const group = shareGroup(stack.broker.rulesUrl);
  const { url } = await stack.broker.newFleet();
  for (const intruder of [await connectMqtt(url), await connectMqtt(url)])
    await intruder.subscribe(`$share/${group}/+/telemetry/#`);
  const { reasons } = await until(
    async () => {
      const response = await ready();
      return response.reasons.some((reason) => reason.includes('canary readings did not arrive')) && response;
    },
    { what: 'readiness to report lost canaries', timeoutMs: 90_000, everyMs: 500 },
  );
  for (const reason of reasons) expect(reason).not.toContain(group);
  const lost = () => stack.metric('lamplighter_mqtt_canaries_total', { result: 'lost' });
  await until(async () => (await lost()) > 2, { what: 'three lost canaries to be counted' });
}, 120_000);
