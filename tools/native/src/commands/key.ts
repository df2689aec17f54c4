import { ServerFailed } from '../process/serving.js';
import { CannotStart, readSettings } from '../state/settings.js';
import { readRunningInstance } from '../state/state.js';
import { createKey } from './stack.js';

/** Prints a new API key of the running instance, or lists or revokes keys. Returns the exit code. */
export async function key(args: readonly string[]): Promise<number> {
  try {
    const { folder } = readSettings(process.env);
    const instance = readRunningInstance(folder);
    if (instance === undefined)
      throw new CannotStart(`no instance is running in ${folder}; start one first: npm start`);
    console.log((await createKey(instance.redisUrl, args)) ?? '');
    return 0;
  } catch (error) {
    if (!(error instanceof CannotStart || error instanceof ServerFailed)) throw error;
    console.error(`lamplighter: ${error.message}`);
    return 1;
  }
}
