import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CannotStart } from './settings.js';

/** 192 random bits, safe in a URL, a shell word and a configuration file. */
export function generateSecret(): string {
  return randomBytes(24).toString('base64url');
}

/** Fewer characters can be guessed; the services also refuse well-known passwords. */
const MIN_LENGTH = 16;

/**
 * The secret in a file, which is created on first use and readable only by its owner.
 * @throws CannotStart if a user has written one that is too short
 */
export function secretIn(file: string): string {
  const present = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (present !== '' && present.length < MIN_LENGTH)
    throw new CannotStart(
      `the secret in ${file} is shorter than ${MIN_LENGTH} characters; remove the file, and the next start will generate a new one`,
    );
  if (present !== '') {
    chmodSync(file, 0o600);
    return present;
  }
  const secret = generateSecret();
  writePrivate(file, `${secret}\n`);
  return secret;
}

/** Writes a file that only its owner can read, atomically. */
export function writePrivate(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The format of Mosquitto 2.0, which 2.1 still reads: `$7$`, PBKDF2 with SHA-512, 12 bytes of salt. */
const ITERATIONS = 101;
const SALT_BYTES = 12;
const HASH_BYTES = 64;

/**
 * Mosquitto's password file for these accounts (user name → password). Few iterations are enough for random passwords, and the broker hashes
 * on its only thread for each connection.
 */
export function passwordFile(accounts: Readonly<Record<string, string>>): string {
  const lines = Object.entries(accounts).map(([user, password]) => {
    const salt = randomBytes(SALT_BYTES);
    const hash = pbkdf2Sync(password, salt, ITERATIONS, HASH_BYTES, 'sha512');
    return `${user}:$7$${ITERATIONS}$${salt.toString('base64')}$${hash.toString('base64')}\n`;
  });
  return lines.join('');
}
