import { X509Certificate } from 'node:crypto';
import { clientCertificates, writeClientCertificates } from './issued.js';
import { readAuthority, writeExpiry, writeRevocationList } from './renew.js';
import { signClient } from './sign.js';

/** The account has no valid certificate. */
export class NoCertificate extends Error {
  override readonly name = 'NoCertificate';
}

/** Issues a client certificate for an account. Returns certificate and key, PEM; the key is kept nowhere else. */
export async function issueClientCertificate(folder: string, account: string): Promise<string> {
  const { certificate, key } = await signClient(readAuthority(folder), account);
  const { serialNumber, validTo } = new X509Certificate(certificate);
  const issued = { account, serial: serialNumber.toLowerCase(), expiresAt: new Date(validTo).toISOString() };
  writeClientCertificates(folder, [...clientCertificates(folder), issued]);
  await writeExpiry(folder);
  return certificate + key;
}

/**
 * Revokes all certificates of an account. The broker refuses them once it has loaded the revocation list. Returns their number.
 * @throws NoCertificate
 */
export async function revokeClientCertificates(folder: string, account: string): Promise<number> {
  const clients = clientCertificates(folder);
  const valid = clients.filter((client) => client.account === account && client.revokedAt === undefined);
  if (valid.length === 0) throw new NoCertificate(`${account} has no valid certificate`);
  const revokedAt = new Date().toISOString();
  writeClientCertificates(
    folder,
    clients.map((client) => (valid.includes(client) ? { ...client, revokedAt } : client)),
  );
  await writeRevocationList(folder);
  await writeExpiry(folder);
  return valid.length;
}
