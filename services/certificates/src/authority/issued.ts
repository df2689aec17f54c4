import { filesIn, readPrivate, writePrivate } from './files.js';

/** An issued client certificate. Its key is not kept. */
export interface ClientCertificate {
  /** The account that it identifies. */
  readonly account: string;
  readonly serial: string;
  readonly expiresAt: string;
  /** Set once it is revoked. */
  readonly revokedAt?: string;
}

/** The client certificates that have not expired, oldest first. */
export function clientCertificates(folder: string): ClientCertificate[] {
  const text = readPrivate(filesIn(folder).clients);
  const all = text === undefined ? [] : (JSON.parse(text) as ClientCertificate[]);
  return all.filter(({ expiresAt }) => Date.parse(expiresAt) > Date.now());
}

export function writeClientCertificates(folder: string, clients: readonly ClientCertificate[]): void {
  writePrivate(filesIn(folder).clients, `${JSON.stringify(clients, null, 2)}\n`);
}
