import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { connectDevice } from '@lamplighter/test-kit/device';
import { sharedStack } from '../stack.js';

const run = promisify(execFile);

/** The commands of the tutorial in docs/rules.md. */
function commands(): string[] {
  const page = readFileSync(new URL('../../../docs/rules.md', import.meta.url), 'utf8');
  const tutorial = page.split('## Your first rule')[1]!.split('\n## ')[0]!;
  return [...tutorial.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block!);
}

it('the tutorial for the first rule works as documented, from dry run to deletion', async () => {
  const stack = await sharedStack();
  const fleet = await stack.broker.newFleet();
  // The fleet of `npm start` has lamps.
  const lamp = await connectDevice(fleet, 'lamp-0001');
  await lamp.sendReading({ light: 500 }, { qos: 1 });
  await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 500);
  // Only addresses, names and pauses differ from a system that `npm start` runs.
  const script = commands()
    .join('\necho ----\n')
    .replace('$(npm run --silent key)', stack.key)
    .replaceAll('http://127.0.0.1:8080', stack.api.url)
    .replace(/^BROKER=.*$/m, `BROKER="${fleet.url}"`)
    .replaceAll('demo/', `${fleet.name}/`)
    // The tutorial's fleet has simulated lamps; this one has none yet.
    .replace('$RULES/fan -d', '"$RULES/fan?allowUnknown=true" -d')
    // A busy machine needs longer to start a program.
    .replace('sleep 1;', 'sleep 3;');
  const { stdout } = await run('bash', ['-c', script], { timeout: 50_000 });
  const [, dryRun, written, received, whyNot, deleted] = stdout.split('----\n').map((text) => text.trim());
  expect(JSON.parse(dryRun!)).toMatchObject({
    action: { fan: 'fast' },
    sentences: expect.arrayContaining(['heat was 31, above 30: "heat > 30" held']),
    warnings: expect.arrayContaining([{ pointer: '/when', detail: "no reading has had 'heat' yet" }]),
  });
  expect(JSON.parse(written!)).toMatchObject({ id: 'fan', version: 1 });
  expect(received!.match(/^\{.*\}$/gm)).toEqual(['{"fan":"off"}', '{"fan":"fast"}', '{"fan":"off"}']);
  expect(JSON.parse(whyNot!)).toMatchObject({ outcome: 'lowered', keptBy: ['when'] });
  expect(deleted).toBe('');
}, 90_000);
