import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

it('F15: rules replicas are restarted one after the other under load, and nothing is lost, doubled or out of order', async () => {
  const faultCase = await startFaultCase({ replicas: 2, fleets: [{ devices: 50 }] });
  const { recorder, replicas } = faultCase;
  const stopAsking = recorder.sendCommandsAtRate(20, new Random(15));
  for (const replica of replicas) {
    const { executed } = recorder.counts();
    await until(() => recorder.counts().executed > executed + 20, { what: 'load', timeoutMs: 30_000 });
    await replica.stop();
    await replica.start();
    await replica.ready();
  }
  stopAsking();
  await expectNothingLost(faultCase);
}, 180_000);
