import { createHash, timingSafeEqual } from 'node:crypto';
import { currentValue } from './config.js';

const TOKEN = 'METRICS_TOKEN';

/**
 * Whether a request with this Authorization header may read the metrics: if METRICS_TOKEN is set, only with that token. It is read again for
 * each request, because its file can be replaced while the service runs; while the file is missing, no request is allowed.
 */
export function mayReadMetrics(
  authorization: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  if (!env[TOKEN] && !env[`${TOKEN}_FILE`]) return true;
  const token = currentValue(TOKEN, env);
  if (token === undefined || authorization === undefined) return false;
  return timingSafeEqual(digest(authorization), digest(`Bearer ${token}`));
}

const digest = (text: string) => createHash('sha256').update(text).digest();
