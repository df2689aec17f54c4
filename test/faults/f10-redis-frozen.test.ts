import type { PlannedCommand } from '@lamplighter/prove/run/command-sender';
import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

const FROZEN_MS = 10_000;
/** An answer may take as long as the API waits for Redis, and a busy machine, milliseconds. */
const BOUND_MS = 3000;

it('F10: while Redis is frozen for 10 s every request is answered soon, nothing piles up, and nothing is lost', async () => {
  const faultCase = await startFaultCase();
  const { redis, recorder, client, replicas, log } = faultCase;
  await until(() => recorder.counts().taken > 100, { what: 'some readings', timeoutMs: 30_000 });
  redis.pause();
  const frozenAt = performance.now();
  const order: PlannedCommand = {
    fleet: recorder.fleets[0]?.name ?? '',
    device: 'lamp-0001',
    request: { action: { report: ['light'] }, policy: 'ordered', lane: 'report', ttl: '10m' },
  };
  const path = `/v1/fleets/${order.fleet}/devices/${order.device}/commands?allowUnknown=true`;
  const answers: { status: number; ms: number }[] = [];
  while (performance.now() - frozenAt < FROZEN_MS) {
    const askedAt = performance.now();
    const { status } = await client.request('POST', path, {
      body: order.request,
      headers: { 'idempotency-key': `frozen-${answers.length}` },
    });
    answers.push({ status, ms: performance.now() - askedAt });
    await until(() => performance.now() - askedAt > 100, { what: 'a pause' });
  }
  const slowest = Math.max(...answers.map(({ ms }) => ms));
  log(`${answers.length} requests, the slowest took ${slowest.toFixed(0)} ms`);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  expect(slowest).toBeLessThan(BOUND_MS);
  const metrics = await (await fetch(`${replicas[0]?.url}/metrics`)).text();
  expect(Number(/^lamplighter_ingest_inflight (\d+)/m.exec(metrics)?.[1])).toBeLessThanOrEqual(8192);
  redis.resume();
  // What was on its way may have been taken although nobody said so: the same keys find it.
  for (const index of answers.keys()) await recorder.sender.sendUntilAnswered(order, `frozen-${index}`);
  const stopAsking = recorder.sendCommandsAtRate(10, new Random(10));
  await until(() => recorder.counts().executed > 10, { what: 'life', timeoutMs: 60_000 });
  stopAsking();
  await expectNothingLost(faultCase);
}, 240_000);
