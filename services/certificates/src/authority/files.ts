import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The files of a certificate authority:
 *
 *     ca.crt, ca.key            the authority. Devices need ca.crt; ca.key never leaves this folder
 *     broker.crt, broker.key    the certificate of the broker's TLS listeners
 *     revoked.pem               the revocation list of client certificates
 *     clients.json              the issued client certificates, without their keys
 *     expiry                    lines `<kind> <seconds since 1970>`: the earliest end of each kind, for metrics
 */
export function filesIn(folder: string) {
  return {
    authority: join(folder, 'ca.crt'),
    authorityKey: join(folder, 'ca.key'),
    broker: join(folder, 'broker.crt'),
    brokerKey: join(folder, 'broker.key'),
    revoked: join(folder, 'revoked.pem'),
    clients: join(folder, 'clients.json'),
    expiry: join(folder, 'expiry'),
  };
}

/** The text of a file; undefined if it does not exist. Only its owner can read it afterwards. */
export function readPrivate(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  chmodSync(file, 0o600);
  return readFileSync(file, 'utf8');
}

/** Writes a file that only its owner can read, atomically. */
export function writePrivate(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
