import type { Logger } from '@lamplighter/service-kit/log/logger';
import { hasApiKeys } from '@lamplighter/store/access/api-keys';
import type { Redis } from '@lamplighter/store/redis/connect';

/** Logs how to create the first API key. The API does not print keys, because its output is kept in logs. */
export async function reportMissingKey(redis: Redis, logger: Logger): Promise<void> {
  if (await hasApiKeys(redis)) return;
  logger.warn('there is no API key; create the first one here with: node dist/create-key.js --first');
}
