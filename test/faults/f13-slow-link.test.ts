import { type DeviceEvent, eventsOf, readLines } from '@lamplighter/prove/evidence/journal';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

const OUTBOX = 200;
const SLOW_BYTES_PER_SECOND = 1000;

it('F13: a device that produces more than its 1 kB/s link carries delays no other device; its outbox is bounded and its drops are reported', async () => {
  const faultCase = await startFaultCase({
    fleets: [
      { devices: 20 },
      { name: 'slow', devices: 1, env: { INTERVAL_MS: '50', OUTBOX: String(OUTBOX) } },
    ],
  });
  const { recorder, fleets, client, log } = faultCase;
  const slow = fleets.find(({ fleet }) => fleet.name === 'slow')!;
  const others = fleets.find(({ fleet }) => fleet.name !== 'slow')!;
  slow.toBroker.limit(SLOW_BYTES_PER_SECOND);
  const dropped = () => eventsOf(readLines<DeviceEvent>(slow.journalFile), 'dropped').length;
  await until(() => dropped() > 50, { what: 'dropped readings', timeoutMs: 120_000, everyMs: 250 });
  log(`it has dropped ${dropped()} readings`);
  // The outbox and the link of the slow device are full; other devices are not affected.
  const ages = await Promise.all(
    (recorder.fleets.find(({ name }) => name === others.fleet.name)?.devices ?? []).map(
      async (device) =>
        (await client.get(`/v1/fleets/${others.fleet.name}/devices/${device}`)).body.ageMs as number,
    ),
  );
  log(`the oldest last state of the others is ${Math.max(...ages)} ms old`);
  expect(Math.max(...ages)).toBeLessThan(5000);
  expect(recorder.counts().inOutboxes).toBeLessThan(OUTBOX + 100);
  slow.toBroker.limit(undefined);
  await expectNothingLost(faultCase);
}, 300_000);
