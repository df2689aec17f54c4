import { appendFileSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type DeviceEvent, eventsOf, readLines } from '@lamplighter/prove/evidence/journal';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { until } from '@lamplighter/test-kit/until';
import { startFaultCase } from './fault-case.js';

const COMMANDS = 20;
const FLEET = 'asleep';

it('F11: an incomplete tail of the append-only file loses nothing, a torn one at most the last write, and every queue still works', async () => {
  const data = temporaryFolder();
  const faultCase = await startFaultCase({ fleets: [], redisSettings: [`dir "${data}"`] });
  const { redis, replicas, client, log } = faultCase;
  const [rules] = replicas;
  const ledger = () =>
    until(
      async () => {
        const { status, body } = await client.get(`/v1/fleets/${FLEET}/ledger`);
        return status === 200 && body.commands;
      },
      { what: 'the ledger', timeoutMs: 30_000 },
    );

  // Commands for devices that have never connected; afterwards there are no more writes.
  const paths = Array.from({ length: COMMANDS }, (_, i) => `lamp-${String(i + 1).padStart(4, '0')}`).map(
    (device) => `/v1/fleets/${FLEET}/devices/${device}/commands?allowUnknown=true`,
  );
  for (const path of paths) {
    const body = { action: { report: ['light'] } };
    expect((await client.request('POST', path, { body })).status).toBe(202);
  }
  await rules!.kill();

  await redis.kill();
  appendFileSync(newestFile(data), '*3\r\n$3\r\nSET\r\n$40\r\n{17}:half');
  await redis.start();
  expect(await ledger()).toMatchObject({ issued: { api: COMMANDS }, open: COMMANDS, unexplained: 0 });

  await redis.kill();
  const aof = newestFile(data);
  truncateSync(aof, statSync(aof).size - 20);
  await redis.start();
  const { issued, open, unexplained } = await ledger();
  log(`the torn tail lost ${COMMANDS - issued.api} of ${COMMANDS} commands`);
  expect(issued.api).toBeGreaterThanOrEqual(COMMANDS - 1);
  expect({ open, unexplained }).toEqual({ open: issued.api, unexplained: 0 });

  await rules!.start();
  await rules!.ready();
  const { journalFile } = await faultCase.addFleet({ name: FLEET, devices: COMMANDS });
  const executed = () =>
    eventsOf(readLines<DeviceEvent>(journalFile), 'executed')
      .filter(({ action }) => 'report' in action)
      .map(({ id }) => id);
  await until(() => executed().length >= issued.api, { what: 'the remaining commands', timeoutMs: 30_000 });
  await until(async () => (await ledger()).open === 0, { what: 'the commands to end', timeoutMs: 30_000 });
  expect(new Set(executed()).size).toBe(issued.api);
  expect(executed()).toHaveLength(issued.api);
}, 120_000);

/** The part of the append-only file that is being written. */
function newestFile(data: string): string {
  const folder = join(data, 'appendonlydir');
  const [name = ''] = readdirSync(folder).filter((file) => file.endsWith('.incr.aof'));
  return join(folder, name);
}
