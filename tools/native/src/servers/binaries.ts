import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Folders of Debian and Homebrew for servers that are often not on a user's PATH. */
const MORE_FOLDERS = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/opt/homebrew/sbin',
  '/opt/homebrew/bin',
];

/** The program is not installed; the message names it. */
export class BinaryMissing extends Error {
  override readonly name = 'BinaryMissing';
  constructor(readonly binary: string) {
    super(`${binary} is not installed, or not on the PATH`);
  }
}

/** The full path of a program, or undefined if it is not installed. */
export function findBinary(name: string, path = process.env.PATH ?? ''): string | undefined {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), ...MORE_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** The full path of a program.
 * @throws BinaryMissing */
export function requireBinary(name: string): string {
  const found = findBinary(name);
  if (found === undefined) throw new BinaryMissing(name);
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
