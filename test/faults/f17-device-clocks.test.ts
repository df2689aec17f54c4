import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkRun } from '@lamplighter/prove/checks/check-run';
import type { Evidence } from '@lamplighter/prove/evidence/evidence';
import { Random } from '@lamplighter/prove/run/random';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { until } from '@lamplighter/test-kit/until';
import { MAX_SHOWN, QUIET_MS, startFaultCase } from './fault-case.js';

const DAY_MS = 24 * 3_600_000;
const PRELOAD = fileURLToPath(new URL('./shifted-clock.mjs', import.meta.url));
/** A time further from now than this comes from a wrong clock. */
const WRONG_MS = DAY_MS / 2;

/** A fleet whose clock is off by `offsetMs`. */
function wrongClock(name: string, offsetMs: number) {
  const file = join(temporaryFolder(), name);
  const set = (ms: number) => writeFileSync(file, String(ms));
  set(offsetMs);
  const env = { NODE_OPTIONS: `--import=${PRELOAD}`, CLOCK_FILE: file };
  return { set, options: { name, devices: 5, env } };
}

it('F17: with device clocks a year ahead, a day behind or jumping, no last state is overtaken and no command runs after its expiry', async () => {
  const ahead = wrongClock('ahead', 365 * DAY_MS);
  const behind = wrongClock('behind', -DAY_MS);
  const jumping = wrongClock('jumping', 0);
  const faultCase = await startFaultCase({ fleets: [], replicas: 1 });
  const { client, log } = faultCase;
  await Promise.all(
    [ahead, behind, jumping].map(({ options }) =>
      faultCase.addFleet({ ...options, env: { ...options.env, INTERVAL_MS: '500' } }),
    ),
  );
  const recorder = await faultCase.startRecording();
  const stopSending = recorder.sendCommandsAtRate(10, new Random(17));
  const rejected = async (fleet: string) =>
    (await client.get(`/v1/fleets/${fleet}/ledger`)).body.readings.rejected.clock ?? 0;
  const lastState = async (fleet: string) =>
    (await client.get(`/v1/fleets/${fleet}/devices/lamp-0001`)).body.last as { seq: number; at: string };

  await until(async () => (await rejected('ahead')) > 20, { what: 'rejected readings', timeoutMs: 30_000 });
  await until(() => recorder.counts().executed > 60, { what: 'commands', timeoutMs: 60_000 });
  const before = await lastState('jumping');
  jumping.set(365 * DAY_MS);
  await until(async () => (await rejected('jumping')) > 20, { what: 'rejected readings', timeoutMs: 30_000 });
  jumping.set(0);
  log('corrected the jumping clock');
  await until(async () => (await lastState('jumping')).seq > before.seq, {
    what: 'new readings',
    timeoutMs: 30_000,
  });
  expect(Math.abs(Date.parse((await lastState('jumping')).at) - Date.now())).toBeLessThan(60_000);
  expect((await client.get('/v1/fleets/ahead/devices/lamp-0001')).body.last).toBeUndefined();
  stopSending();

  const verdict = checkRun(inServerTime(await recorder.finish({ quietMs: QUIET_MS })));
  log(`readings ${JSON.stringify(verdict.readings)}, executed ${verdict.commands.executed}`);
  expect(verdict.violations.slice(0, MAX_SHOWN)).toEqual([]);
  expect(verdict.readings.rejected).toBeGreaterThan(40);
}, 300_000);

/** Converts the journals of wrong clocks to the server's time. */
function inServerTime(evidence: Evidence): Evidence {
  const now = Date.now();
  const corrected = (t: number) => {
    if (t > now + WRONG_MS) return t - 365 * DAY_MS;
    return t < now - WRONG_MS ? t + DAY_MS : t;
  };
  return {
    ...evidence,
    fleets: evidence.fleets.map((fleet) => ({
      ...fleet,
      journal: fleet.journal.map((event) => ({ ...event, t: corrected(event.t) })),
    })),
  };
}
