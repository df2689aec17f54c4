import { redisUsers } from '@lamplighter/native/servers/redis';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis, type TestRedis } from '@lamplighter/test-kit/servers/redis';
import { Redis } from 'ioredis';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ refusals: 'expected' });
});

function connect(url: string): Redis {
  const client = new Redis(url, { disableClientInfo: true, retryStrategy: null });
  closeLater('redis client', () => client.disconnect());
  return client;
}

function call(client: Redis, line: string): Promise<unknown> {
  const [command = '', ...args] = line.split(' ');
  return client.call(command, args);
}

/** DEBUG and MODULE are off for every account. */
const REFUSAL = /^NOPERM|^ERR (DEBUG|MODULE) command not allowed/;
const SECRET = 'k7Qp2ZxW9rTb4LsVd';

/** Commands that would end, empty, reconfigure or read the whole of Redis, or run other code. */
const DANGEROUS = [
  'FLUSHALL',
  'FLUSHDB',
  'CONFIG SET appendfsync no',
  'CONFIG REWRITE',
  'KEYS *',
  'SCAN 0',
  'RANDOMKEY',
  'DEBUG SLEEP 0',
  'SHUTDOWN NOSAVE',
  'MODULE LOAD /tmp/x.so',
  'EVAL return 1 0',
  'EVALSHA 0000000000000000000000000000000000000000 0',
  'SCRIPT FLUSH',
  'FUNCTION FLUSH',
  'FUNCTION KILL',
  'FUNCTION DUMP',
  'ACL LIST',
  'ACL SETUSER rules on nopass',
  'MONITOR',
  'CLIENT KILL TYPE normal',
  'CLIENT LIST',
  'REPLICAOF 127.0.0.1 1',
  'SAVE',
  'BGREWRITEAOF',
  'SLOWLOG GET',
  'SWAPDB 0 1',
  'MIGRATE 127.0.0.1 1 {1}:commands 0 1000',
  'DUMP {1}:commands',
  'RENAME {1}:commands {1}:x',
];

describe.each(['rules', 'api'] as const)('the account of %s', (account) => {
  const open = () => connect(redis[`${account}Url`]);

  it.each(DANGEROUS)('may not run %s', async (line) => {
    await expect(call(open(), line)).rejects.toThrow(REFUSAL);
  });

  it('may use keys of devices and of the installation, and no others', async () => {
    const client = open();
    for (const key of [
      'other',
      '{x}:device:a/b',
      '{100}:commands',
      '{lamplighter}',
      'lamplighter:rules:demo',
    ])
      await expect(client.hset(key, 'a', '1')).rejects.toThrow(/^NOPERM/);
    for (const key of ['{0}:device:a/b', '{63}:device:a/b', '{lamplighter}:rules:demo'])
      expect(await client.hset(key, 'a', '1')).toBe(1);
    await connect(redis.url).flushall();
  });

  it('may publish to the channel that wakes dispatchers, and no other', async () => {
    const client = open();
    expect(await client.publish('{lamplighter}:wake', '1')).toBe(0);
    await expect(client.publish('other', '1')).rejects.toThrow(/^NOPERM/);
  });
});

/** Adds an account of redis/users that only containers have; returns its URL. */
async function addAccount(name: 'exporter' | 'health'): Promise<string> {
  const rights = redisUsers({ [name]: SECRET }).get(name)!;
  await connect(redis.url).call('ACL', 'SETUSER', name, 'reset', ...rights.split(' '));
  return `redis://${name}:${SECRET}@127.0.0.1:${redis.port}`;
}

it('the exporter of metrics can read figures of the server, and no data, arguments or settings', async () => {
  const exporter = connect(await addAccount('exporter'));
  expect(await exporter.info()).toContain('used_memory');
  for (const line of [...DANGEROUS, 'CONFIG GET *', 'HGETALL {1}:commands', 'FCALL x 0', 'PUBLISH a b'])
    await expect(call(exporter, line)).rejects.toThrow(REFUSAL);
});

it('the health check can only check, and reload the accounts', async () => {
  const health = connect(await addAccount('health'));
  expect(await health.ping()).toBe('PONG');
  for (const line of [...DANGEROUS, 'INFO', 'CONFIG GET *', 'GET a'])
    await expect(call(health, line)).rejects.toThrow(REFUSAL);
});

it('rules cannot read or create API keys, nor change the audit trail', async () => {
  await createApiKey(connect(redis.apiUrl));
  const rules = connect(redis.rulesUrl);
  await expect(createApiKey(rules)).rejects.toThrow(/NOPERM/);
  await expect(rules.hgetall('{lamplighter}:api-keys')).rejects.toThrow(/^NOPERM/);
  await expect(rules.xadd('{lamplighter}:audit:x', '*', 'a', 'b')).rejects.toThrow(/^NOPERM/);
});

it('functions run with the rights of the account that calls them', async () => {
  const rules = connect(redis.rulesUrl);
  await rules.call(
    'FUNCTION',
    'LOAD',
    "#!lua name=probe\nredis.register_function('probe', function(_, args) return redis.call(unpack(args)) end)",
  );
  expect(await rules.fcall('probe', 0, 'EXISTS', '{1}:commands')).toBe(0);
  for (const line of ['FLUSHALL', 'CONFIG SET appendfsync no', 'HGETALL {lamplighter}:api-keys', 'GET other'])
    await expect(rules.fcall('probe', 0, ...line.split(' '))).rejects.toThrow(
      /can't (run|access)|NOPERM|not allowed/,
    );
  await rules.call('FUNCTION', 'DELETE', 'probe');
});

it('refuses clients without an account, and the account "default"', async () => {
  const { port } = redis;
  await expect(connect(`redis://127.0.0.1:${port}`).ping()).rejects.toThrow(/^NOAUTH/);
  const password = new URL(redis.url).password;
  const refused = connect(`redis://:${password}@127.0.0.1:${port}`);
  refused.on('error', () => undefined);
  await expect(refused.ping()).rejects.toThrow();
});

it('keeps what transactions have written when it restarts', async () => {
  const server = await startRedis();
  await connect(server.apiUrl)
    .multi()
    .hset('{lamplighter}:rules:demo', 'a', '1')
    .hset('{1}:commands', 'b', '2')
    .exec();
  await server.kill();
  await server.start();
  const after = connect(server.apiUrl);
  expect([await after.hget('{lamplighter}:rules:demo', 'a'), await after.hget('{1}:commands', 'b')]).toEqual([
    '1',
    '2',
  ]);
});
