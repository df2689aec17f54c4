// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { connectDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { connectLamps } from '../acknowledging-lamps.js';
import { putRule } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';

/** 40 rules with a loop in a loop over 64 items: some milliseconds each for one reading. */
const EXPENSIVE = 40;
const ITEMS = Array.from({ length: 64 }, (_, n) => n);
const LOOPS = 'items.all(a, items.all(b, a + b >= 0 && a - b < 1000 && a * b >= 0))';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

it('expensive rules are suspended and shown, cheap ones and other fleets continue', async () => {
  const other = await stack.broker.newFleet();
  await connectLamps(other, [{ device: 'lamp', light: 900, acknowledgement: 'succeeded' }]);
  await stack.lastState(other, 'lamp', ({ light }) => light === 900);

  const fleet = await stack.broker.newFleet();
  const sensor = await connectDevice(fleet, 'sensor');
  await sensor.sendReading({ light: 900 });
  await stack.lastState(fleet, 'sensor', ({ light }) => light === 900);
  for (let n = 0; n < EXPENSIVE; n += 1) {
    const rule = { id: `loops-${n}`, when: LOOPS, then: { [`key_${n}`]: true } };
    expect((await putRule(stack, fleet, rule)).status).toBe(201);
  }
  let isOver = false;
  const load = async () => {
    while (!isOver) await sensor.sendReading({ light: 900, items: ITEMS });
  };
  const running = load();
  closeLater('load', () => {
    isOver = true;
    return running.catch(() => undefined);
  });
  await until(async () => (await stack.metric('lamplighter_rules_suspended_total')) > EXPENSIVE / 2, {
    what: 'the expensive rules to be suspended',
  });
  const suspended = async () => {
    const { body } = await stack.get(`/v1/fleets/${fleet.name}/rules?limit=100`);
    const rules = body.rules as { id: string; lastError?: { message: string } }[];
    return rules.filter(({ lastError }) => lastError?.message.startsWith('suspended')).map(({ id }) => id);
  };
  await until(async () => (await suspended()).length > EXPENSIVE / 2, { what: 'the API to show it' });
  expect(await suspended()).not.toContain('night-light');

  const { body } = await stack.send('POST', `/v1/fleets/${other.name}/devices/lamp/commands`, {
    action: { led_on: true },
  });
  await until(async () => (await stack.get(`/v1/commands/${body.id}`)).body.state === 'succeeded', {
    what: 'the lamp of another fleet to execute a command',
  });
  // Another device, because this one exceeds its rate.
  const lamp = await connectDevice(fleet, 'lamp');
  await lamp.sendReading({ light: 100 });
  expect(await lamp.nextCommand(20_000)).toMatchObject({ led_on: true });
}, 90_000);
