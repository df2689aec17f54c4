import { brokerLimits, openFilesLimit } from '@lamplighter/native/servers/broker-limits';
import { each } from '@lamplighter/prove/each';
import { type DeviceEvent, eventsOf, readLines } from '@lamplighter/prove/evidence/journal';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, setScene } from './scene.js';

/** FAULT_DEVICES makes the fleet smaller, for a small machine. */
const DEVICES = Number(process.env.FAULT_DEVICES ?? 5000);
const DRAINED_MS = 60_000;
const AT_ONCE = 50;

it(`F16: ${DEVICES} devices that lost their broker come back at once, each to a waiting command: drained within a minute, and no reading is lost`, async () => {
  const scene = await setScene({
    lookEveryMs: 0, // two requests for each device are a load of their own
    brokerLimits: brokerLimits(DEVICES, openFilesLimit()),
    fleets: [{ devices: DEVICES, env: { INTERVAL_MS: '10000', CONNECT_RATE: '500', OUTBOX: '100' } }],
  });
  const { broker, books, fleets, say } = scene;
  const [fleet] = fleets;
  say(`${DEVICES} devices are connected`);
  await broker.stop();
  const { name, devices } = books.roster[0]!;
  const request = { action: { report: ['light'] }, policy: 'latest' as const, lane: 'report', ttl: '1h' };
  await each(devices, AT_ONCE, async (device) => {
    expect((await books.commander.insist({ fleet: name, device, request })).status).toBe(202);
  });
  say(`${DEVICES} commands wait`);
  const before = books.counts().executed;
  await broker.start();
  const backAt = performance.now();
  await until(() => books.counts().executed >= before + DEVICES, {
    what: 'all commands to be executed',
    timeoutMs: 3 * DRAINED_MS,
    everyMs: 100,
  });
  const drainedMs = performance.now() - backAt;
  const last = eventsOf(readLines<DeviceEvent>(fleet!.journalFile), 'online').at(-1);
  say(
    `drained in ${(drainedMs / 1000).toFixed(1)} s; the last device was back at ${new Date(last?.t ?? 0).toISOString()}`,
  );
  await expectNothingLost(scene);
  expect(drainedMs).toBeLessThan(DRAINED_MS);
}, 600_000);
