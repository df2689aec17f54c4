import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

it('F15: a rolling restart of rules under load loses, duplicates and reorders nothing', async () => {
  const faultCase = await startFaultCase({ replicas: 2, fleets: [{ devices: 50 }] });
  const { recorder, replicas } = faultCase;
  const stopSending = recorder.sendCommandsAtRate(20, new Random(15));
  for (const replica of replicas) {
    const { executed } = recorder.counts();
    await until(() => recorder.counts().executed > executed + 20, { what: 'load', timeoutMs: 30_000 });
    await replica.stop();
    await replica.start();
    await replica.ready();
  }
  stopSending();
  await expectNothingLost(faultCase);
}, 180_000);
