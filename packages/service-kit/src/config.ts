import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { weaknessOf } from './secret-strength.js';

/** The environment is invalid. The message lists all problems and contains no values. */
class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid';
}

/**
 * Reads the configuration of a service from the environment. Each variable `X` can be given as `X_FILE` instead, the path of a file that
 * contains the value (for secrets). An empty variable counts as unset.
 * @throws ConfigInvalid with all problems
 */
export function readConfig<S extends z.ZodObject>(
  schema: S,
  env: NodeJS.ProcessEnv = process.env,
): z.infer<S> {
  const problems: string[] = [];
  const raw: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const value = readVariable(name, env, problems);
    if (value !== undefined) raw[name] = value;
  }
  const parsed = schema.safeParse(raw);
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0] ?? 'environment');
    if (problems.some((problem) => problem.startsWith(`${name}_FILE: `))) continue;
    problems.push(`${name}: ${raw[name] === undefined ? 'is not set' : issue.message}`);
  }
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new ConfigInvalid(`invalid configuration\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
}

function readVariable(name: string, env: NodeJS.ProcessEnv, problems: string[]): string | undefined {
  const value = env[name]?.trim();
  if (value) return value;
  const file = env[`${name}_FILE`]?.trim();
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    problems.push(`${name}_FILE: cannot be read (${(error as NodeJS.ErrnoException).code})`);
    return undefined;
  }
}

/**
 * The value that a variable has now. A file (`X_FILE`) can be replaced while the service runs, to change a password.
 * @returns undefined if it is not set, empty, or cannot be read
 */
export function currentValue(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return readVariable(name, env, []) || undefined;
}

/** A TCP port; 0 selects a free one. */
export const port = (fallback: number) => integer(fallback, 0, 65_535);

/** An integer within bounds. */
export const integer = (fallback: number, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
    .default(fallback);

/** A decimal number within bounds. */
export const decimal = (fallback: number, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+([.]\d+)?$/, 'must be a number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
    .default(fallback);

const url = (protocols: string[], example: string) =>
  z
    .string()
    .refine((text) => isServerUrl(text, protocols), {
      error: `must be a URL such as ${example}; write "%" in the user or password as %25`,
      abort: true,
    })
    .refine((text) => weakPassword(text) === undefined, {
      error: ({ input }) =>
        `its password ${weakPassword(String(input))}; use a random one, such as the output of: openssl rand -hex 24`,
    });

/** Why the password of a URL is too easy to guess; undefined if it is not, or there is none. */
function weakPassword(text: string): string | undefined {
  const { password } = new URL(text);
  return password === '' ? undefined : weaknessOf(decodeURIComponent(password));
}

function isServerUrl(text: string, protocols: string[]): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  try {
    decodeURIComponent(username + password);
  } catch {
    return false;
  }
  return protocols.includes(protocol) && hostname !== '';
}

/** `mqtt://user:password@host:port`, or `mqtts://` for TLS. */
export const mqttUrl = url(['mqtt:', 'mqtts:'], 'mqtt://user:password@127.0.0.1:1883');
/** `redis://user:password@host:port`, or `rediss://` for TLS. */
export const redisUrl = url(['redis:', 'rediss:'], 'redis://user:password@127.0.0.1:6379');
/** `http://host:port`, or `https://`. */
export const httpUrl = url(['http:', 'https:'], 'http://127.0.0.1:9090');

/** A certificate authority in PEM format. */
export const certificates = z
  .string()
  .refine((text) => text.includes('-----BEGIN CERTIFICATE-----'), 'must be a certificate in PEM format');

/** Variables that every service has. */
export const serviceVariables = {
  /** If set, /metrics needs it as a bearer token. */
  METRICS_TOKEN: z
    .string()
    .refine((token) => weaknessOf(token) === undefined, {
      error: ({ input }) => weaknessOf(String(input)) ?? '',
    })
    .optional(),
  LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug', 'silent']).default('info'),
  HOST: z.string().default('127.0.0.1'),
};
