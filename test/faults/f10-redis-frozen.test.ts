import type { PlannedCommand } from '@lamplighter/prove/run/command-sender';
import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

const FROZEN_MS = 10_000;
/** Limit of the response time: the Redis timeout of the API plus time for a busy machine, milliseconds. */
const LIMIT_MS = 3000;

it('F10: while Redis is frozen for 10 s, each request gets a response soon, memory stays bounded, and nothing is lost', async () => {
  const faultCase = await startFaultCase();
  const { redis, recorder, client, replicas, log } = faultCase;
  await until(() => recorder.counts().taken > 100, { what: 'some readings', timeoutMs: 30_000 });
  redis.pause();
  const frozenAt = performance.now();
  const command: PlannedCommand = {
    fleet: recorder.fleets[0]?.name ?? '',
    device: 'lamp-0001',
    request: { action: { report: ['light'] }, policy: 'ordered', lane: 'report', ttl: '10m' },
  };
  const path = `/v1/fleets/${command.fleet}/devices/${command.device}/commands?allowUnknown=true`;
  const responses: { status: number; ms: number }[] = [];
  while (performance.now() - frozenAt < FROZEN_MS) {
    const sentAt = performance.now();
    const { status } = await client.request('POST', path, {
      body: command.request,
      headers: { 'idempotency-key': `frozen-${responses.length}` },
    });
    responses.push({ status, ms: performance.now() - sentAt });
    await until(() => performance.now() - sentAt > 100, { what: 'a pause' });
  }
  const slowest = Math.max(...responses.map(({ ms }) => ms));
  log(`${responses.length} requests, the slowest took ${slowest.toFixed(0)} ms`);
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([503]));
  expect(slowest).toBeLessThan(LIMIT_MS);
  const metrics = await (await fetch(`${replicas[0]?.url}/metrics`)).text();
  expect(Number(/^lamplighter_ingest_inflight (\d+)/m.exec(metrics)?.[1])).toBeLessThanOrEqual(8192);
  redis.resume();
  // Requests in transit may have been accepted without a response: the same keys return their commands.
  for (const index of responses.keys()) await recorder.sender.sendUntilAnswered(command, `frozen-${index}`);
  const stopSending = recorder.sendCommandsAtRate(10, new Random(10));
  await until(() => recorder.counts().executed > 10, { what: 'executed commands', timeoutMs: 60_000 });
  stopSending();
  await expectNothingLost(faultCase);
}, 240_000);
