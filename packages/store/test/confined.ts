import { connected } from '@lamplighter/test-kit/store/store-under-test';
import type { Redis } from 'ioredis';

/** One call of a script. */
export interface ScriptCall {
  readonly sha: string;
  readonly keys: readonly string[];
}

const USER = 'confined';

/**
 * A connection on which a script can touch only the keys that it declares. Before each script call, the user's ACL is set to these keys
 * (ACL key patterns also apply inside scripts). All other calls use the administrator's connection.
 */
export async function confined(admin: Redis, url: string): Promise<{ redis: Redis; calls: ScriptCall[] }> {
  await admin.acl('SETUSER', USER, 'reset', 'on', '>confined', '+@all', '~*', '&*');
  const user = await connected(url.replace(/\/\/.*@/, `//${USER}:confined@`));
  const calls: ScriptCall[] = [];

  const evalsha = async (...args: unknown[]): Promise<unknown> => {
    const [sha, count, ...rest] = args.flat() as [string, number, ...string[]];
    const keys = rest.slice(0, count);
    calls.push({ sha, keys });
    await admin.acl(
      'SETUSER',
      USER,
      'resetkeys',
      ...keys.map((key) => `~${key.replace(/[\\*?[\]]/g, '\\$&')}`),
    );
    return user.call('evalsha', [sha, count, ...rest]);
  };
  const run = (command: string, args: unknown[]): Promise<unknown> =>
    command === 'evalsha' ? evalsha(...args) : (Reflect.get(admin, command) as Command).apply(admin, args);

  /** Collects commands and runs them sequentially. */
  const pipeline = () => {
    const commands: [string, unknown[]][] = [];
    const collector: object = new Proxy(
      {},
      {
        get: (_target, name: string) =>
          name === 'exec'
            ? () => runAll(commands)
            : (...args: unknown[]) => {
                commands.push([name, args]);
                return collector;
              },
      },
    );
    return collector;
  };
  const runAll = async (commands: [string, unknown[]][]) => {
    const replies: [unknown, unknown][] = [];
    for (const [name, args] of commands) {
      replies.push(
        await run(name, args).then(
          (reply) => [null, reply],
          (error: unknown) => [error, null],
        ),
      );
    }
    return replies;
  };

  const redis = new Proxy(admin, {
    get: (target, name) => {
      if (name === 'pipeline') return pipeline;
      if (name === 'evalsha') return evalsha;
      if (name === 'call') return (command: string, ...args: unknown[]) => run(command, args);
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member as Command).bind(target) : member;
    },
  });
  return { redis, calls };
}

type Command = (...args: unknown[]) => Promise<unknown>;
