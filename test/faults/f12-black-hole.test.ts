import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

/** Both wait one and a half times their keep-alive: the service's is 30 s, a device's 60 s; with room for a busy machine. */
const NOTICED_MS = 150_000;

it('F12: a black hole between everyone and the broker is noticed by silence alone, and what was on its way ends once', async () => {
  const faultCase = await startFaultCase();
  const { recorder, replicas, fleets, log } = faultCase;
  await until(() => recorder.counts().taken > 100, { what: 'some readings', timeoutMs: 30_000 });
  const stopAsking = recorder.sendCommandsAtRate(2, new Random(12));
  await until(() => recorder.counts().executed > 5, { what: 'commands on their way', timeoutMs: 30_000 });
  const links = [replicas[0]!.toBroker, fleets[0]!.toBroker];
  for (const link of links) link.stall();
  const began = performance.now();
  log('nothing passes, and nobody is told');
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
    log(`${name} noticed after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  stopAsking();
  for (const link of links) link.heal();
  await expectNothingLost(faultCase);
}, 400_000);

it('F12: connections that the network forgets without a word, to broker and Redis, are given up and made anew', async () => {
  const faultCase = await startFaultCase();
  const { recorder, replicas, fleets, api, log } = faultCase;
  const stopAsking = recorder.sendCommandsAtRate(5, new Random(120));
  await until(() => recorder.counts().executed > 10, { what: 'load', timeoutMs: 30_000 });
  for (const link of [replicas[0]!.toBroker, replicas[0]!.toRedis, api.toRedis, fleets[0]!.toBroker])
    link.forget();
  log('everything that is connected is forgotten');
  const { executed } = recorder.counts();
  await until(() => recorder.counts().executed > executed + 10, {
    what: 'life on new connections',
    timeoutMs: NOTICED_MS,
    everyMs: 250,
  });
  stopAsking();
  await expectNothingLost(faultCase);
}, 400_000);
