import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Redis } from 'ioredis';

const FOLDER = new URL('../../lua/', import.meta.url);

interface Script {
  readonly text: string;
  readonly sha: string;
}

/** All scripts by name, with each `--@include` line replaced by that file. */
const SCRIPTS = new Map<string, Script>(
  readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((file) => /-(\d+|n)[.]lua$/.test(file))
    .map((file) => {
      const text = readFileSync(new URL(file, FOLDER), 'utf8').replace(
        /^--@include (.+)$/gm,
        (_, name: string) => readFileSync(new URL(`includes/${name}`, FOLDER), 'utf8'),
      );
      return [basename(file, '.lua'), { text, sha: createHash('sha1').update(text).digest('hex') }];
    }),
);

/** Loads all scripts into the cache of Redis; called on each connect, because a restart empties the cache. */
export async function loadScripts(redis: Redis): Promise<void> {
  const load = redis.pipeline();
  for (const { text } of SCRIPTS.values()) load.script('LOAD', text);
  for (const [error] of (await load.exec()) ?? []) if (error) throw error;
}

export type ScriptArgument = string | number | Buffer;

/** Runs one script. */
export async function runScript(
  redis: Redis,
  name: string,
  keys: string[],
  args: ScriptArgument[],
): Promise<unknown> {
  // One array: spreading thousands of arguments would overflow the stack.
  const call = [script(name).sha, keys.length, ...keys, ...args];
  try {
    return await redis.call('evalsha', call);
  } catch (error) {
    if (!isNoScript(error)) throw error;
    await loadScripts(redis);
    return redis.call('evalsha', call);
  }
}

/** Runs one script for many sets of keys in one round trip; the replies are in the order of the calls. */
export async function runScripts(
  redis: Redis,
  name: string,
  calls: readonly { keys: string[]; args: ScriptArgument[] }[],
): Promise<unknown[]> {
  if (calls.length === 0) return [];
  const { sha } = script(name);
  const send = async () => {
    const pipeline = redis.pipeline();
    for (const { keys, args } of calls) pipeline.evalsha(sha, keys.length, ...keys, ...args);
    return (await pipeline.exec()) ?? [];
  };
  let replies = await send();
  if (replies.some(([error]) => isNoScript(error))) {
    await loadScripts(redis);
    replies = await send();
  }
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}

function script(name: string): Script {
  const found = SCRIPTS.get(name);
  if (found === undefined) throw new Error(`unknown script ${name}`);
  return found;
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
