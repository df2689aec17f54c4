import { Random } from '@lamplighter/prove/run/random';
import { smallDisk } from '@lamplighter/test-kit/servers/small-disk';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, startFaultCase } from './fault-case.js';

const disk = smallDisk(48);
if (disk === undefined) process.stderr.write('    F8 is left out: this user may not mount a small disk\n');

// Redis with `appendfsync always` ends when it cannot write, rather than serve what it could not keep. So reads are not served
// meanwhile, and its supervisor starts it again.
(disk ? it : it.skip)(
  'F8: with the disk of Redis full there is no 2xx and no receipt; with room again and Redis restarted, nothing acknowledged is lost',
  async () => {
    if (disk === undefined) return;
    const faultCase = await startFaultCase({ redisSettings: [`dir "${disk.folder}"`] });
    const { redis, recorder, client, log } = faultCase;
    const stopAsking = recorder.sendCommandsAtRate(10, new Random(8));
    await until(() => recorder.counts().executed > 10, { what: 'load', timeoutMs: 30_000 });
    disk.fill();
    await until(() => !redis.running, { what: 'Redis to end', timeoutMs: 30_000 });
    log(`the disk is full, and Redis says: ${redis.output().trim().split('\n').at(-1)}`);
    await redis.start().catch(() => undefined);
    await until(() => !redis.running, { what: 'Redis to end again at a write', timeoutMs: 30_000 });
    const path = `/v1/fleets/${recorder.fleets[0]?.name}/devices/lamp-0001/commands?allowUnknown=true`;
    expect((await client.request('POST', path, { body: { action: { led_on: true } } })).status).toBe(503);
    await until(() => recorder.counts().inOutboxes > 50, { what: 'readings that wait', timeoutMs: 30_000 });
    disk.empty();
    await redis.start();
    stopAsking();
    await expectNothingLost(faultCase);
  },
  240_000,
);
