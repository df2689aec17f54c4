import { Random } from '@lamplighter/prove/run/random';
import { smallDisk } from '@lamplighter/test-kit/servers/small-disk';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

const disk = smallDisk(48);
if (disk === undefined) process.stderr.write('skipping F8: this user cannot mount a small disk\n');

// Redis with `appendfsync always` exits when it cannot write. Until its supervisor restarts it, reads fail too.
(disk ? it : it.skip)(
  'F8: with a full disk there are no 2xx responses and no receipts; after space is freed and Redis restarts, nothing acknowledged is lost',
  async () => {
    if (disk === undefined) return;
    const faultCase = await startFaultCase({ redisSettings: [`dir "${disk.folder}"`] });
    const { redis, recorder, client, log } = faultCase;
    const stopSending = recorder.sendCommandsAtRate(10, new Random(8));
    await until(() => recorder.counts().executed > 10, { what: 'load', timeoutMs: 30_000 });
    disk.fill();
    await until(() => !redis.running, { what: 'Redis to exit', timeoutMs: 30_000 });
    log(`the disk is full; last log line of Redis: ${redis.output().trim().split('\n').at(-1)}`);
    await redis.start().catch(() => undefined);
    await until(() => !redis.running, { what: 'Redis to exit again at a write', timeoutMs: 30_000 });
    const path = `/v1/fleets/${recorder.fleets[0]?.name}/devices/lamp-0001/commands?allowUnknown=true`;
    expect((await client.request('POST', path, { body: { action: { led_on: true } } })).status).toBe(503);
    await until(() => recorder.counts().inOutboxes > 50, { what: 'waiting readings', timeoutMs: 30_000 });
    disk.empty();
    await redis.start();
    stopSending();
    await expectNothingLost(faultCase);
  },
  240_000,
);
