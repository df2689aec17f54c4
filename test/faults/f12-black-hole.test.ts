import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

/** Longer than 1.5 times the keep-alive of the service (30 s) and of a device (60 s), with time for a busy machine. */
const DETECTION_MS = 150_000;

it('F12: a link that drops all packets to the broker is detected by its silence, and commands in transit end once', async () => {
  const faultCase = await startFaultCase();
  const { recorder, replicas, fleets, log } = faultCase;
  await until(() => recorder.counts().taken > 100, { what: 'some readings', timeoutMs: 30_000 });
  const stopSending = recorder.sendCommandsAtRate(2, new Random(12));
  await until(() => recorder.counts().executed > 5, { what: 'commands in transit', timeoutMs: 30_000 });
  const links = [replicas[0]!.toBroker, fleets[0]!.toBroker];
  for (const link of links) link.stall();
  const stalledAt = performance.now();
  log('stalled all links');
  const ready = async (url: string) => (await fetch(`${url}/health/ready`)).ok;
  for (const [name, url] of [
    ['rules', replicas[0]!.url] as const,
    ['the devices', fleets[0]!.process.url] as const,
  ]) {
    await until(async () => !(await ready(url)), {
      what: `${name} to detect the outage`,
      timeoutMs: DETECTION_MS,
      everyMs: 250,
    });
    log(`${name} detected the outage after ${((performance.now() - stalledAt) / 1000).toFixed(1)} s`);
  }
  stopSending();
  for (const link of links) link.heal();
  await expectNothingLost(faultCase);
}, 400_000);

it('F12: connections to the broker and Redis that the network drops silently are closed and replaced', async () => {
  const faultCase = await startFaultCase();
  const { recorder, replicas, fleets, api, log } = faultCase;
  const stopSending = recorder.sendCommandsAtRate(5, new Random(120));
  await until(() => recorder.counts().executed > 10, { what: 'load', timeoutMs: 30_000 });
  for (const link of [replicas[0]!.toBroker, replicas[0]!.toRedis, api.toRedis, fleets[0]!.toBroker])
    link.forget();
  log('dropped all connections silently');
  const { executed } = recorder.counts();
  await until(() => recorder.counts().executed > executed + 10, {
    what: 'commands on new connections',
    timeoutMs: DETECTION_MS,
    everyMs: 250,
  });
  stopSending();
  await expectNothingLost(faultCase);
}, 400_000);
