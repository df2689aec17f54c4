import { createFirstApiKey } from '@lamplighter/store/access/api-keys';
import type { Redis } from '@lamplighter/store/redis/connect';

/** Makes the first API key if there is none, and prints it by itself: it can be read nowhere else, and belongs in no log. */
export async function offerFirstKey(redis: Redis): Promise<void> {
  const key = await createFirstApiKey(redis);
  if (key !== undefined) process.stdout.write(`API key (shown once): ${key}\n`);
}
