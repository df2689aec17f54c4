import { setTimeout as wait } from 'node:timers/promises';
import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

/** Both exceed every lease; one is below and one above the time that the broker waits for a silent client (45 s). */
const FREEZES_MS = [15_000, 55_000];

it('F14: a replica that is frozen with work in progress and resumes after its leases have ended changes nothing', async () => {
  const faultCase = await startFaultCase({ replicas: 2, fleets: [{ devices: 50 }] });
  const { recorder, replicas, log } = faultCase;
  const stopSending = recorder.sendCommandsAtRate(20, new Random(14));
  for (const [index, ms] of FREEZES_MS.entries()) {
    const { executed } = recorder.counts();
    await until(() => recorder.counts().executed > executed + 40, { what: 'load', timeoutMs: 60_000 });
    const replica = replicas[index % replicas.length]!;
    log(`froze a replica for ${ms / 1000} s`);
    replica.pause();
    await wait(ms); // the fault itself
    replica.resume();
  }
  stopSending();
  await expectNothingLost(faultCase);
}, 400_000);
