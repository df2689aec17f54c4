import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, setScene } from './scene.js';

/** Both wait one and a half times their keep-alive: the service's is 30 s, a device's 60 s; with room for a busy machine. */
const NOTICED_MS = 150_000;

it('F12: a black hole between everyone and the broker is noticed by silence alone, and what was on its way ends once', async () => {
  const scene = await setScene();
  const { books, replicas, fleets, say } = scene;
  await until(() => books.counts().taken > 100, { what: 'some readings', timeoutMs: 30_000 });
  const stopAsking = books.keepAsking(2, new Random(12));
  await until(() => books.counts().executed > 5, { what: 'commands on their way', timeoutMs: 30_000 });
  const links = [replicas[0]!.toBroker, fleets[0]!.toBroker];
  for (const link of links) link.stall();
  const began = performance.now();
  say('nothing passes, and nobody is told');
  const ready = async (url: string) => (await fetch(`${url}/health/ready`)).ok;
  for (const [name, url] of [
    ['rules', replicas[0]!.url] as const,
    ['the devices', fleets[0]!.process.url] as const,
  ]) {
    await until(async () => !(await ready(url)), {
      what: `${name} to notice`,
      timeoutMs: NOTICED_MS,
      everyMs: 250,
    });
    say(`${name} noticed after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  stopAsking();
  for (const link of links) link.heal();
  await expectNothingLost(scene);
}, 400_000);

it('F12: connections that the network forgets without a word, to broker and Redis, are given up and made anew', async () => {
  const scene = await setScene();
  const { books, replicas, fleets, api, say } = scene;
  const stopAsking = books.keepAsking(5, new Random(120));
  await until(() => books.counts().executed > 10, { what: 'load', timeoutMs: 30_000 });
  for (const link of [replicas[0]!.toBroker, replicas[0]!.toRedis, api.toRedis, fleets[0]!.toBroker])
    link.forget();
  say('everything that is connected is forgotten');
  const { executed } = books.counts();
  await until(() => books.counts().executed > executed + 10, {
    what: 'life on new connections',
    timeoutMs: NOTICED_MS,
    everyMs: 250,
  });
  stopAsking();
  await expectNothingLost(scene);
}, 400_000);
