import { createApiKey } from '@lamplighter/store/access/api-keys';
import { until } from '@lamplighter/test-kit/until';
import { connect } from 'mqtt';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';
import { type Stack, startStack } from '../system/stack.js';
import { keepOtherFleetGoing, type OtherFleet } from './other-fleet.js';
import { IS_FULL, printedSeed } from './seed.js';

const GUESSES = IS_FULL ? 3000 : 300;
const LOGINS = IS_FULL ? 400 : 60;
const AT_ONCE = 20;

let stack: Stack;
let others: OtherFleet;
beforeAll(async () => {
  stack = await startStack();
  others = await keepOtherFleetGoing(stack);
}, 60_000);

async function refusedKeys(): Promise<number> {
  const text = await (await fetch(`${stack.api.url}/metrics`, { headers: { connection: 'close' } })).text();
  return Number(/^lamplighter_auth_failures_total\{kind="api_key"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

it(`${GUESSES} guessed API keys are refused alike, whether the id exists or not`, async () => {
  const random = printedSeed();
  const { key } = await createApiKey(await connected(stack.redis.url));
  const [id = '', secret = ''] = key.split('.');
  const other = (length: number) => random.bytes(length).toString('base64url').slice(0, length);
  const guesses: (() => string)[] = [
    () => `${id}.${other(secret.length)}`,
    () => `${id}.${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`,
    () => `${id}.${secret.slice(0, random.below(secret.length))}`,
    () => `${id}.`,
    () => id,
    () => `.${secret}`,
    () => `lamp_${random.bytes(6).toString('hex')}.${secret}`,
    () => `lamp___proto__.${secret}`,
    () => key.toUpperCase(),
    () => `${key}${other(3)}`,
    () => other(64),
    () => '*',
  ];
  const before = await refusedKeys();
  const answers = new Set<string>();
  for (let sent = 0; sent < GUESSES; sent += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const response = await fetch(`${stack.api.url}/v1/fleets`, {
          headers: { authorization: `Bearer ${random.pick(guesses)()}`, connection: 'close' },
        });
        answers.add(`${response.status} ${await response.text()}`);
      }),
    );
  expect([...answers]).toEqual([expect.stringMatching(/^401 /)]);
  expect((await refusedKeys()) - before).toBe(GUESSES);
  const honest = await fetch(`${stack.api.url}/v1/fleets`, {
    headers: { authorization: `Bearer ${key}`, connection: 'close' },
  });
  expect(honest.status).toBe(200);
  await others.expectServed();
}, 120_000);

it(`${LOGINS} guessed passwords are refused at both listeners of the broker and counted`, async () => {
  const random = printedSeed();
  const fleet = await stack.broker.newFleet();
  const refused = () => stack.metric('lamplighter_auth_failures_total', { kind: 'mqtt' });
  const attempt = (url: string, username: string) => {
    const client = connect(url.replace(/\/\/.*@/, '//'), {
      username,
      password: random.bytes(12).toString('base64url'),
      reconnectPeriod: 0,
    });
    return new Promise<string>((resolve) => {
      client.once('connect', () => resolve(`${username} connected`));
      client.once('error', () => resolve('refused'));
      client.once('close', () => resolve('refused'));
    }).finally(() => client.endAsync(true));
  };
  const before = await refused();
  const outcomes = new Set<string>();
  for (let sent = 0; sent < LOGINS; sent += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, () =>
      attempt(
        random.pick([stack.broker.rulesUrl, fleet.url]),
        random.pick(['rules', 'demo', fleet.name, `${fleet.name}.reader`, 'admin', '']),
      ),
    );
    for (const outcome of await Promise.all(some)) outcomes.add(outcome);
  }
  expect([...outcomes]).toEqual(['refused']);
  // The broker publishes its log with QoS 0.
  await until(async () => (await refused()) - before > LOGINS / 2, { what: 'refused logins to be counted' });
  await others.expectServed();
}, 120_000);
