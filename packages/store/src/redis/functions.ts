import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import type { Redis } from 'ioredis';
import {
  COMMANDS_KEPT_PER_DEVICE,
  FRESH_MS,
  LEASE_MS,
  MAX_DEVICES_PER_FLEET,
  MAX_OPEN_COMMANDS,
  PRUNE_STRIDE,
  SHARDS,
  WINDOW_BYTES,
  WINDOW_SIZE,
} from '../keys.js';

const FOLDER = new URL('../../lua/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, FOLDER), 'utf8');

/** Bounds that functions apply. */
const BOUNDS = {
  WINDOW_SIZE,
  WINDOW_BYTES,
  FRESH_MS,
  LEASE_MS,
  COMMANDS_KEPT: COMMANDS_KEPT_PER_DEVICE,
  PRUNE_STRIDE,
  MAX_OPEN_COMMANDS,
  MAX_DEVICES_PER_SHARD: Math.ceil(MAX_DEVICES_PER_FLEET / SHARDS),
  MAX_VOTES: RULE_BOUNDS.maxSensors,
};

/** Shared code of the functions, each file before those that use it. */
const SHARED = [
  'commands',
  'device',
  'endCommand',
  'lanes',
  'endAndAdvance',
  'overdue',
  'waits',
  'reach',
  'enqueue',
  'releases',
  'window',
  'order',
  'runs',
  'history',
  'keepOnline',
  'parts',
];

/** The functions of the library: `telemetry/acceptReadings-n.lua` is called `acceptReadings-n`, after the number of its keys. */
const FUNCTIONS = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => /-(\d+|n)[.]lua$/.test(file))
  .sort()
  .map((file) => {
    const name = basename(file, '.lua');
    const text = read(file);
    const flags = /^-- Flags +(.+)$/m.exec(text)?.[1]?.split(' ') ?? [];
    return { name, registered: name.replace(/-.*/, ''), flags, text };
  });

/** Every file of a function returns it. */
const SOURCE = [
  ...Object.entries(BOUNDS).map(([name, value]) => `local ${name} = ${value}`),
  ...SHARED.map((name) => read(`lib/${name}.lua`)),
  ...FUNCTIONS.map(
    ({ registered, flags, text }) => `redis.register_function{
  function_name = PREFIX .. '${registered}',
  flags = { ${flags.map((flag) => `'${flag}'`).join(', ')} },
  callback = (function()
${text}
end)() }`,
  ),
].join('\n');

/**
 * The library is named after the hash of its text, so replicas of different versions can share a Redis. Names of functions are global in
 * Redis, so they start with that of the library.
 */
const FAMILY = 'lamplighter_';
const LIBRARY = `${FAMILY}${createHash('sha1').update(SOURCE).digest('hex').slice(0, 12)}`;
const TEXT = `#!lua name=${LIBRARY}\nlocal PREFIX = '${LIBRARY}_'\n${SOURCE}`;
const REGISTERED = new Map(
  FUNCTIONS.map(({ name, registered }) => [name, `${LIBRARY}_${registered}`] as const),
);

/**
 * Loads the library and deletes those of other versions; called on each connect. A replica of another version that is still running loads
 * its own again with its next call.
 */
export async function loadFunctions(redis: Redis): Promise<void> {
  const libraries = (await redis
    .call('FUNCTION', 'LIST', 'LIBRARYNAME', `${FAMILY}*`)
    .catch(explainOldServer)) as string[][];
  const names = libraries.map((fields) => fields[fields.indexOf('library_name') + 1]!);
  if (!names.includes(LIBRARY)) await loadLibrary(redis);
  for (const name of names) if (name !== LIBRARY) await deleteLibrary(redis, name);
}

/**
 * Redis has no functions of this version, and loading them does not help: it is older than 7.0, or replicas of another version delete them
 * at the same time.
 */
export class FunctionsMissing extends Error {
  override readonly name = 'FunctionsMissing';
}

function explainOldServer(error: Error): never {
  if (/^ERR unknown command/i.test(error.message))
    throw new FunctionsMissing('this Redis has no Redis Functions: use Redis 7.0 or later', { cause: error });
  throw error;
}

/** Loads the library, unless another process has just done so. */
async function loadLibrary(redis: Redis): Promise<void> {
  await redis.call('FUNCTION', 'LOAD', TEXT).catch(unless(/already exists/));
}

/** Deletes a library, unless another process has just done so. While Redis rejects writes it stays until the next connect. */
async function deleteLibrary(redis: Redis, name: string): Promise<void> {
  await redis.call('FUNCTION', 'DELETE', name).catch(unless(/not found|^(MISCONF|READONLY)\b/));
}

function unless(expected: RegExp): (error: Error) => void {
  return (error) => {
    if (!expected.test(error.message)) throw error;
  };
}

/** How often a call loads the library before it fails. */
const MAX_LOADS = 5;

export type FunctionArgument = string | number | Buffer;

/** Calls one function. */
export async function callFunction(
  redis: Redis,
  name: string,
  keys: string[],
  args: FunctionArgument[],
): Promise<unknown> {
  // One array: spreading thousands of arguments would overflow the stack.
  const call = [registeredName(name), keys.length, ...keys, ...args];
  for (let loads = 0; ; loads += 1) {
    try {
      return await redis.call('fcall', call);
    } catch (error) {
      await loadMissing(redis, error as Error, loads);
    }
  }
}

/** Calls one function with many sets of keys in one round trip; the replies are in the order of the calls. */
export async function callFunctions(
  redis: Redis,
  name: string,
  calls: readonly { keys: string[]; args: FunctionArgument[] }[],
): Promise<unknown[]> {
  if (calls.length === 0) return [];
  const registered = registeredName(name);
  const replies = new Array<[error: Error | null, reply: unknown]>(calls.length);
  let open = [...calls.keys()];
  for (let loads = 0; ; loads += 1) {
    const pipeline = redis.pipeline();
    for (const i of open) {
      const { keys, args } = calls[i]!;
      pipeline.fcall(registered, keys.length, ...keys, ...args);
    }
    const results = (await pipeline.exec()) ?? [];
    for (const [at, i] of open.entries()) replies[i] = results[at]!;
    // Calls that found the function are not repeated, because a second reply can differ from the first.
    open = open.filter((i) => isMissing(replies[i]![0]));
    if (open.length === 0) break;
    await loadMissing(redis, replies[open[0]!]![0]!, loads);
  }
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}

/** Loads the library after a call did not find its function. @throws the error of the call if it is another one */
async function loadMissing(redis: Redis, error: Error, loads: number): Promise<void> {
  if (!isMissing(error)) explainOldServer(error);
  if (loads === MAX_LOADS)
    throw new FunctionsMissing('another process keeps deleting the functions of this version', {
      cause: error,
    });
  await loadLibrary(redis);
}

function registeredName(name: string): string {
  const found = REGISTERED.get(name);
  if (found === undefined) throw new Error(`unknown function ${name}`);
  return found;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && /^ERR Function not found/.test(error.message);
}
