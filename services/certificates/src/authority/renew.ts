import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { filesIn, readPrivate, writePrivate } from './files.js';
import { clientCertificates } from './issued.js';
import { createAuthority, readRevocationList, type Signed, signRevocationList, signServer } from './sign.js';

/** What can expire. */
export type Kind = 'authority' | 'broker' | 'client' | 'revocation_list';

/** Renewed when less time than this is left: a third of the lifetime. */
const RENEW_MS = 122 * 86_400_000;

/**
 * Creates the authority, the broker's certificate and the revocation list if they are missing, and renews the last two before they expire.
 * The authority itself is never renewed, since every device has it.
 * @param names host names and addresses of the broker, by default those of its certificate, which is also renewed if it lacks one
 * @param now renew them whatever time is left
 * @returns what is new
 */
export async function renewCertificates(
  folder: string,
  { names = namesOf(folder), now = false }: { names?: readonly string[]; now?: boolean },
): Promise<Kind[]> {
  const files = filesIn(folder);
  const renewed: Kind[] = [];
  if (readPrivate(files.authority) === undefined || readPrivate(files.authorityKey) === undefined) {
    const { certificate, key } = await createAuthority();
    writePrivate(files.authorityKey, key);
    writePrivate(files.authority, certificate);
    renewed.push('authority');
  }
  const authority = readAuthority(folder);
  if (now || renewed.length > 0 || !isUsable(folder, authority, names)) {
    const { certificate, key } = await signServer(authority, names);
    // The broker reads both on SIGHUP, and refuses a pair that does not match.
    writePrivate(files.brokerKey, key);
    writePrivate(files.broker, certificate);
    renewed.push('broker');
  }
  const list = await readRevocationList(authority, readPrivate(files.revoked));
  if (now || list === undefined || list.expiresAt.getTime() - Date.now() < RENEW_MS) {
    await writeRevocationList(folder);
    renewed.push('revocation_list');
  }
  await writeExpiry(folder);
  return renewed;
}

/** The authority of a folder, which `renewCertificates` has created. */
export function readAuthority(folder: string): Signed {
  const files = filesIn(folder);
  return {
    certificate: readFileSync(files.authority, 'utf8'),
    key: readFileSync(files.authorityKey, 'utf8'),
  };
}

/** Signs the revocation list: the revoked client certificates, and those of the present list, in case clients.json was lost. */
export async function writeRevocationList(folder: string): Promise<void> {
  const authority = readAuthority(folder);
  const { revoked: file } = filesIn(folder);
  const present = await readRevocationList(authority, readPrivate(file));
  const revoked = new Map(present?.revoked.map((entry) => [entry.serial, entry]));
  for (const { serial, revokedAt } of clientCertificates(folder))
    if (revokedAt !== undefined) revoked.set(serial, { serial, revokedAt: new Date(revokedAt) });
  writePrivate(file, await signRevocationList(authority, [...revoked.values()], present?.signedAt));
}

/** Writes when the first certificate of each kind expires. */
export async function writeExpiry(folder: string): Promise<void> {
  const files = filesIn(folder);
  const list = await readRevocationList(readAuthority(folder), readPrivate(files.revoked));
  const ends: [Kind, number][] = [
    ['authority', endOf(files.authority)],
    ['broker', endOf(files.broker)],
    // Without a list, the broker refuses all client certificates.
    ['revocation_list', list?.expiresAt.getTime() ?? 0],
  ];
  const clients = clientCertificates(folder).filter(({ revokedAt }) => revokedAt === undefined);
  if (clients.length > 0)
    ends.push(['client', Math.min(...clients.map(({ expiresAt }) => Date.parse(expiresAt)))]);
  writePrivate(files.expiry, ends.map(([kind, ms]) => `${kind} ${Math.floor(ms / 1000)}\n`).join(''));
}

/** The names in the broker's certificate. */
function namesOf(folder: string): string[] {
  const { broker } = filesIn(folder);
  if (!existsSync(broker)) return ['localhost', '127.0.0.1'];
  const alternatives = new X509Certificate(readFileSync(broker)).subjectAltName ?? '';
  return alternatives.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
}

const endOf = (file: string) => Date.parse(new X509Certificate(readFileSync(file)).validTo);

/** Whether the broker's certificate is from this authority, covers all names, matches its key and does not expire soon. */
function isUsable(folder: string, authority: Signed, names: readonly string[]): boolean {
  const files = filesIn(folder);
  if (!existsSync(files.broker) || !existsSync(files.brokerKey)) return false;
  try {
    const certificate = new X509Certificate(readFileSync(files.broker));
    const hasName = (name: string) =>
      (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
    return (
      certificate.checkIssued(new X509Certificate(authority.certificate)) &&
      certificate.checkPrivateKey(createPrivateKey(readFileSync(files.brokerKey))) &&
      names.every(hasName) &&
      endOf(files.broker) - Date.now() > RENEW_MS
    );
  } catch {
    return false; // damaged
  }
}
