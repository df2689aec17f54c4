import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository: three levels above this file, compiled or not. */
export const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..');
