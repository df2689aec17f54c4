// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { putRule } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';

/** The time after which a device counts as silent, and a freeze of twice that. */
const SILENT_MS = 5000;
const FROZEN_MS = 2 * SILENT_MS;
const ALARM = { siren: true };
const SAFE = { led_on: true, level: 20 };
const ON = { led_on: true };
const SENSORS = ['mast-1', 'mast-2', 'mast-3'];

const wait = (ms: number) => {
  const end = performance.now() + ms;
  return until(() => performance.now() > end, { what: 'time to pass', timeoutMs: 2 * ms, everyMs: 100 });
};

/** Three sensors that report twice a second, with an absence rule and a quorum rule. */
async function connectSensors(stack: Stack) {
  const fleet = await stack.broker.newFleet();
  const of = (ms: number) => `${ms / 1000}s`;
  const quorum = { policy: 'majority', expected: 3, lost: 'safe', safe: SAFE } as const;
  for (const rule of [
    { id: 'silence', scope: { devices: ['mast-*'] }, absence: { after: of(SILENT_MS) }, then: ALARM },
    {
      id: 'light',
      scope: { devices: ['mast-*'] },
      when: 'light < 300',
      maxAge: of(SILENT_MS),
      quorum,
      target: { devices: ['lamp'] },
      then: ON,
      else: { led_on: false },
    },
  ])
    expect((await putRule(stack, fleet, rule)).status).toBe(201);
  const lamp = await connectDevice(fleet, 'lamp');
  // Commands are dispatched only to devices that have reported.
  await lamp.sendReading({ led_on: false });
  const sensors = await Promise.all(SENSORS.map((name) => connectDevice(fleet, name)));
  const reporting = setInterval(() => {
    for (const sensor of sensors) void sensor.sendReading({ light: 100 }).catch(() => undefined);
  }, 500);
  closeLater('sensors', async () => clearInterval(reporting));
  return { lamp, sensors, silence: () => clearInterval(reporting) };
}

const commandsOf = (devices: readonly TestDevice[]) => devices.flatMap((device) => device.commands());

it.each(['shared', 'durable'])(
  'a frozen broker triggers no absence rule and loses no quorum; later silence does (INGEST_MODE=%s)',
  async (mode) => {
    const stack = await startStack({ rulesEnv: { INGEST_MODE: mode } });
    const { lamp, sensors, silence } = await connectSensors(stack);
    expect(await lamp.nextCommand()).toEqual(ON);
    stack.broker.pause();
    await wait(FROZEN_MS);
    stack.broker.resume();
    const newest = async () =>
      (await stack.lastState({ name: lamp.fleet, url: '' }, 'mast-1', () => true)).body;
    await until(async () => (await newest()).ageMs < 1000, { what: 'readings to be stored again' });
    // Timers that came due during the freeze would have triggered the absence rule by then.
    await wait(SILENT_MS + 1000);
    expect(commandsOf(sensors)).toEqual([]);
    expect(lamp.commands()).toEqual([ON]);
    silence();
    expect(await lamp.nextCommand(20_000)).toEqual(SAFE);
    for (const sensor of sensors) expect(await sensor.nextCommand(20_000)).toEqual(ALARM);
  },
  90_000,
);
