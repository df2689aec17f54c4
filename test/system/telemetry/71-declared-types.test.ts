import { connectDevice } from '@lamplighter/test-kit/device';
import { rejectedSample } from '../rejected-sample.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const DEVICE = 'lamp-0001';

/** A device of a fleet with a telemetry schema; no rule uses `heat`. */
async function connectDeclared() {
  const fleet = await stack.broker.newFleet();
  const path = `/v1/fleets/${fleet.name}/telemetry-schema`;
  const schema = { measurements: { heat: { type: 'number' }, mode: { type: 'string' } } };
  expect((await stack.send('PUT', `${path}?allowUnknown=true`, schema)).status).toBe(200);
  return { fleet, path, lamp: await connectDevice(fleet, DEVICE) };
}

it('a value of a different type than declared is accepted, and listed with its field and problem', async () => {
  const { fleet, lamp } = await connectDeclared();
  const send = () => lamp.sendReading({ heat: '21', light: 500 });
  const sample = await rejectedSample(stack, `fleet=${fleet.name}&reason=type`, send);
  expect(sample).toMatchObject({
    kind: 'telemetry',
    accepted: true,
    device: DEVICE,
    field: '/heat',
    problem: '`heat` is the string "21"; the fleet\'s telemetry schema declares a number',
  });
  await stack.lastState(fleet, DEVICE, ({ heat }) => heat === '21');
  expect(
    await stack.metric('lamplighter_input_suspicious_total', { kind: 'telemetry', reason: 'type' }),
  ).toBeGreaterThan(0);
});

it('the sample names the reading of a replay; without a schema, nothing is listed', async () => {
  const { fleet, path, lamp } = await connectDeclared();
  const replay = [
    { heat: 1, light: 500 },
    { heat: 2, mode: 3, light: 500 },
  ];
  const sample = await rejectedSample(stack, `fleet=${fleet.name}&reason=type`, () =>
    lamp.sendReading(replay),
  );
  expect(sample).toMatchObject({
    field: '/1/mode',
    problem: "reading 2 of 2: `mode` is 3; the fleet's telemetry schema declares a string",
  });
  expect((await stack.send('DELETE', path)).status).toBe(204);
  const suspicious = () =>
    stack.metric('lamplighter_input_suspicious_total', { kind: 'telemetry', reason: 'type' });
  let before = await suspicious();
  let light = 500;
  for (;;) {
    light += 1;
    const own = light;
    await lamp.sendReading({ heat: '1', light: own });
    await stack.lastState(fleet, DEVICE, (measurements) => measurements.light === own);
    const current = await suspicious();
    if (current === before) break;
    before = current;
  }
});
