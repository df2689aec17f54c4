import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { connected } from '@lamplighter/test-kit/store/store-under-test';
import { until } from '@lamplighter/test-kit/until';
import { connectRedis } from './connect.js';

it('signs in with a new user on the same connection, and a subscriber on a new one', async () => {
  const server = await startRedis();
  const admin = await connected(server.url);
  const url = new URL(server.rulesUrl);
  const [earlier, later] = [url.username, 'rules-later'];
  const rules = (await connected(server.url)).call('ACL', 'LIST') as Promise<string[]>;
  const rights = (await rules)
    .find((line) => line.startsWith(`user ${earlier} `))!
    .split(' ')
    .slice(2);
  let current = server.rulesUrl;
  let reads = 0;
  const readUrl = () => {
    if (current !== server.rulesUrl) reads += 1;
    return current;
  };
  const downs: string[] = [];
  const open = (name: string, onDown: (reason: string) => void = () => undefined) => {
    const redis = connectRedis(server.rulesUrl, name, { readUrl, onDown });
    closeLater(name, () => redis.disconnect());
    return redis;
  };
  const worker = open('worker', (reason) => downs.push(reason));
  const subscriber = open('subscriber');
  const users = async () =>
    ((await admin.call('CLIENT', 'LIST')) as string)
      .split('\n')
      .flatMap((line) => / name=(worker|subscriber) .* user=(\S+) /.exec(line)?.slice(1).join(' ') ?? [])
      .sort();
  await until(() => worker.status === 'ready' && subscriber.status === 'ready', { what: 'both connections' });
  const subscribe = () => void subscriber.subscribe('{lamplighter}:wake').catch(() => undefined);
  subscriber.on('ready', subscribe);
  subscribe();

  url.username = later;
  // The file can be read before Redis has the user.
  current = url.href;
  await until(() => reads >= 4, { what: 'the URL to be read twice by each connection' });
  expect(new Set((await users()).map((line) => line.split(' ')[1]))).toEqual(new Set([earlier]));
  await admin.call('ACL', 'SETUSER', later, ...rights);
  await until(async () => (await users()).join() === `subscriber ${later},worker ${later}`, {
    what: 'both to sign in again',
  });
  await admin.call('ACL', 'DELUSER', earlier);
  expect(await worker.ping()).toBe('PONG');
  expect(downs).toEqual([]);

  // The next connection uses the new user, too.
  await admin.call('CLIENT', 'KILL', 'USER', later);
  await until(async () => (await users()).includes(`worker ${later}`), { what: 'the next connection' });
});

it('keeps its account while Redis refuses the new one, and when the URL is unreadable', async () => {
  const server = await startRedis();
  let current: string | undefined;
  let reads = 0;
  const redis = connectRedis(server.rulesUrl, 'worker', {
    readUrl: () => {
      reads += 1;
      return current;
    },
  });
  closeLater('worker', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection' });
  for (const wrong of [undefined, 'not a URL', server.rulesUrl.replace(/:[^:@]+@/, ':wrong@')]) {
    current = wrong;
    const before = reads;
    await until(() => reads > before + 1, { what: 'the URL to be read' });
    expect(await redis.ping()).toBe('PONG');
  }
});
