import { pbkdf2Sync, randomBytes } from 'node:crypto';

/** As mosquitto_passwd uses. More would only delay CONNECT: the passwords are 192 random bits, beyond guessing. */
const ITERATIONS = 101;

/** A new password: 192 random bits, safe in a URL. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

/**
 * The hash of a password as Mosquitto 2.0 stores it in a password file: `$7$<iterations>$<salt>$<hash>`, PBKDF2 with HMAC-SHA512
 * (mosquitto_passwd(1), "-H sha512-pbkdf2").
 */
export function passwordHash(password: string): string {
  const salt = randomBytes(12);
  const hash = pbkdf2Sync(password, salt, ITERATIONS, 64, 'sha512');
  return `$7$${ITERATIONS}$${salt.toString('base64')}$${hash.toString('base64')}`;
}
