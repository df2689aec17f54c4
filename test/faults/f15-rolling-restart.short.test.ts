import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, setScene } from './scene.js';

it('F15: rules replicas are restarted one after the other under load, and nothing is lost, doubled or out of order', async () => {
  const scene = await setScene({ replicas: 2, fleets: [{ devices: 50 }] });
  const { books, replicas } = scene;
  const stopAsking = books.keepAsking(20, new Random(15));
  for (const replica of replicas) {
    const { executed } = books.counts();
    await until(() => books.counts().executed > executed + 20, { what: 'load', timeoutMs: 30_000 });
    await replica.stop();
    await replica.start();
    await replica.ready();
  }
  stopAsking();
  await expectNothingLost(scene);
}, 180_000);
