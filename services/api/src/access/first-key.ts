import { createFirstApiKey } from '@lamplighter/store/access/api-keys';
import type { Redis } from '@lamplighter/store/redis/connect';

/** Creates the first API key if there is none and prints it to stdout, the only place where it can be read. It is not logged. */
export async function printFirstKey(redis: Redis): Promise<void> {
  const key = await createFirstApiKey(redis);
  if (key !== undefined) process.stdout.write(`API key (shown once): ${key}\n`);
}
