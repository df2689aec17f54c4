import { brokerLimits, openFilesLimit } from '@lamplighter/native/servers/broker-limits';
import { forEachConcurrently } from '@lamplighter/prove/concurrency';
import { type DeviceEvent, eventsOf, readLines } from '@lamplighter/prove/evidence/journal';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

/** FAULT_DEVICES reduces the fleet on a small machine. */
const DEVICES = Number(process.env.FAULT_DEVICES ?? 5000);
const DRAINED_MS = 60_000;
const AT_ONCE = 50;

it(`F16: ${DEVICES} devices that lost their broker reconnect at the same time, each with a pending command: drained within a minute, and no reading is lost`, async () => {
  const faultCase = await startFaultCase({
    pollEveryMs: 0, // two requests per device would add load
    brokerLimits: brokerLimits(DEVICES, openFilesLimit()),
    fleets: [{ devices: DEVICES, env: { INTERVAL_MS: '10000', CONNECT_RATE: '500', OUTBOX: '100' } }],
  });
  const { broker, recorder, fleets, log } = faultCase;
  const [fleet] = fleets;
  log(`connected ${DEVICES} devices`);
  await broker.stop();
  const { name, devices } = recorder.fleets[0]!;
  const request = { action: { report: ['light'] }, policy: 'latest' as const, lane: 'report', ttl: '1h' };
  await forEachConcurrently(devices, AT_ONCE, async (device) => {
    expect((await recorder.sender.sendUntilAnswered({ fleet: name, device, request })).status).toBe(202);
  });
  log(`${DEVICES} commands are pending`);
  const before = recorder.counts().executed;
  await broker.start();
  const backAt = performance.now();
  await until(() => recorder.counts().executed >= before + DEVICES, {
    what: 'all commands to be executed',
    timeoutMs: 3 * DRAINED_MS,
    everyMs: 100,
  });
  const drainedMs = performance.now() - backAt;
  const last = eventsOf(readLines<DeviceEvent>(fleet!.journalFile), 'online').at(-1);
  log(
    `drained in ${(drainedMs / 1000).toFixed(1)} s; the last device reconnected at ${new Date(last?.t ?? 0).toISOString()}`,
  );
  await expectNothingLost(faultCase);
  expect(drainedMs).toBeLessThan(DRAINED_MS);
}, 600_000);
