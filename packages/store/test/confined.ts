import { connected } from '@lamplighter/test-kit/store/store-under-test';
import type { Redis } from 'ioredis';

/** One call of a function. */
export interface FunctionCall {
  /** The function's name, without that of its library. */
  readonly name: string;
  readonly keys: readonly string[];
}

const USER = 'confined';

/**
 * A connection on which a function can access only the keys that it declares. Before each call, the user's ACL is set to these keys
 * (ACL key patterns also apply to what a function calls). All other calls use the administrator's connection.
 */
export async function confined(admin: Redis, url: string): Promise<{ redis: Redis; calls: FunctionCall[] }> {
  await admin.acl('SETUSER', USER, 'reset', 'on', '>confined', '+@all', '~*', '&*');
  const user = await connected(url.replace(/\/\/.*@/, `//${USER}:confined@`));
  const calls: FunctionCall[] = [];

  const fcall = async (...args: unknown[]): Promise<unknown> => {
    const [name, count, ...rest] = args.flat() as [string, number, ...string[]];
    const keys = rest.slice(0, count);
    calls.push({ name: name.replace(/^.*_/, ''), keys });
    await admin.acl(
      'SETUSER',
      USER,
      'resetkeys',
      ...keys.map((key) => `~${key.replace(/[\\*?[\]]/g, '\\$&')}`),
    );
    return user.call('fcall', [name, count, ...rest]);
  };
  const run = (command: string, args: unknown[]): Promise<unknown> =>
    command === 'fcall' ? fcall(...args) : (Reflect.get(admin, command) as Command).apply(admin, args);

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
      if (name === 'fcall') return fcall;
      if (name === 'call') return (command: string, ...args: unknown[]) => run(command, args);
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member as Command).bind(target) : member;
    },
  });
  return { redis, calls };
}

type Command = (...args: unknown[]) => Promise<unknown>;
