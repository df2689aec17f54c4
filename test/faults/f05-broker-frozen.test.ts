import { readFileSync } from 'node:fs';
import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

const FROZEN_MS = 60_000;
/** Resident memory of a process, megabytes. */
const memoryOf = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

it('F5: a broker that is frozen for a minute is detected, commands are still accepted, memory stays bounded, and nothing is lost', async () => {
  const faultCase = await startFaultCase();
  const { broker, recorder, replicas, api, log } = faultCase;
  const [rules] = replicas;
  await until(() => recorder.counts().taken > 100, { what: 'some readings', timeoutMs: 30_000 });
  const before = memoryOf(rules!.pid);
  broker.pause();
  const frozenAt = performance.now();
  log('froze the broker');
  const stopSending = recorder.sendCommandsAtRate(5, new Random(5));
  const ready = async (url: string) => (await fetch(`${url}/health/ready`)).ok;
  for (const [name, url] of [['rules', rules!.url] as const, ['api', api.url] as const]) {
    await until(async () => !(await ready(url)), {
      what: `${name} to detect the outage`,
      timeoutMs: 60_000,
      everyMs: 200,
    });
    log(`${name} is not ready after ${((performance.now() - frozenAt) / 1000).toFixed(1)} s`);
  }
  await until(() => performance.now() - frozenAt > FROZEN_MS, {
    what: 'the minute to pass',
    timeoutMs: 2 * FROZEN_MS,
    everyMs: 200,
  });
  expect(recorder.sender.counts.accepted).toBeGreaterThan(100);
  expect(memoryOf(rules!.pid) - before).toBeLessThan(100);
  stopSending();
  broker.resume();
  await expectNothingLost(faultCase);
}, 300_000);
