import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, type FaultCase, startFaultCase } from './fault-case.js';

it('F1: kill -9 of rules under 1,000 readings per second loses no reading and commands no verdict twice', async () => {
  const faultCase = await startFaultCase({
    // The window of a device covers 96 s: longer than several polls of all devices on a busy machine.
    fleets: [{ devices: 400, env: { INTERVAL_MS: '400', DAY_SECONDS: '20' } }],
  });
  const { recorder, replicas, log } = faultCase;
  const [rules] = replicas;
  const stopSending = recorder.sendCommandsAtRate(10, new Random(1));
  for (let kill = 1; kill <= 3; kill += 1) {
    const { taken } = recorder.counts();
    await until(() => recorder.counts().taken > taken + 3000, { what: 'load', timeoutMs: 30_000 });
    await rules!.kill();
    const killedAt = performance.now();
    await rules!.start();
    await rules!.ready();
    log(`kill ${kill}: ready again after ${((performance.now() - killedAt) / 1000).toFixed(1)} s`);
  }
  stopSending();
  await expectNothingLost(faultCase);
  expect(await verdictsCommandedTwice(faultCase)).toEqual([]);
}, 300_000);

/**
 * The rule commands only changes, so two equal commands in a row are the command of one verdict, sent twice, unless the device restarted in between
 * (the load restarts some) and the held command was repeated.
 */
async function verdictsCommandedTwice({ recorder, client }: FaultCase): Promise<string[]> {
  const twice: string[] = [];
  // A disk that stalls for a second makes the API respond with 503 and Retry-After.
  const signal = AbortSignal.timeout(60_000);
  const read = (path: string) => client.requestUntilAnswered('GET', path, { signal });
  for (const { name, devices } of recorder.fleets) {
    for (const device of devices) {
      const { status, body } = await read(`/v1/fleets/${name}/devices/${device}/commands?limit=500`);
      expect({ device, status, detail: body.detail }).toEqual({ device, status: 200, detail: undefined });
      const ofRule = (body.commands as { id: string; source: string; action: { led_on: boolean } }[])
        .filter(({ source }) => source === 'rule')
        .reverse();
      for (const [index, { id, action }] of ofRule.entries())
        if (index > 0 && ofRule[index - 1]?.action.led_on === action.led_on) {
          const { because, sentences } = (await read(`/v1/commands/${id}/why`)).body;
          const trace = because.trace as { clause: string; reason?: string }[];
          if (!trace.some(({ reason }) => reason === 'restarted'))
            twice.push(`${device} ${id}: ${sentences.join('; ')}`);
        }
    }
  }
  return twice;
}
