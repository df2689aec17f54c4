import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509Crl,
  X509CrlGenerator,
} from '@peculiar/x509';

/** P-256: a quarter of the CPU time of RSA-2048 per connection, and supported by every TLS library. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
/** Certificates are valid from a day ago, for devices whose clock is slow. */
const BACKDATED_MS = DAY_MS;
const AUTHORITY_DAYS = 3650;
/** Also of the revocation list. */
const CERTIFICATE_DAYS = 365;

/** A certificate and its key, PEM. */
export interface Signed {
  readonly certificate: string;
  readonly key: string;
}

/** Creates a certificate authority. */
export async function createAuthority(): Promise<Signed> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // The random part distinguishes authorities, since clients find the issuer of a certificate by its name.
    name: commonName(`Lamplighter ${randomBytes(4).toString('hex')}`),
    ...validity(AUTHORITY_DAYS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem('CERTIFICATE', certificate.rawData), key: await keyText(keys.privateKey) };
}

/** Signs a certificate for a server that clients reach by these host names and addresses. */
export function signServer(authority: Signed, names: readonly string[]): Promise<Signed> {
  const alternatives = names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const);
  return sign(authority, 'Lamplighter broker', [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(alternatives),
  ]);
}

/** Signs a certificate that identifies a client as the account of this name. */
export function signClient(authority: Signed, account: string): Promise<Signed> {
  return sign(authority, account, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]);
}

/** A revoked certificate. */
export interface Revoked {
  /** Hexadecimal. */
  readonly serial: string;
  readonly revokedAt: Date;
}

export interface RevocationList {
  readonly revoked: readonly Revoked[];
  readonly signedAt: Date;
  readonly expiresAt: Date;
}

/** Reads a revocation list; undefined if there is none, or it is damaged or of another authority. */
export async function readRevocationList(
  authority: Signed,
  text: string | undefined,
): Promise<RevocationList | undefined> {
  if (text === undefined) return undefined;
  try {
    const list = new X509Crl(bytesOf(text));
    if (!(await list.verify({ publicKey: new X509Certificate(authority.certificate) }))) return undefined;
    const revoked = list.entries.map((entry) => ({
      serial: entry.serialNumber,
      revokedAt: entry.revocationDate,
    }));
    return { revoked, signedAt: list.thisUpdate, expiresAt: list.nextUpdate ?? new Date(0) };
  } catch {
    return undefined;
  }
}

/**
 * Signs the list of revoked client certificates, PEM.
 * @param previous when the list that it replaces was signed: a broker that has loaded both uses the newer one
 */
export async function signRevocationList(
  authority: Signed,
  revoked: readonly Revoked[],
  previous?: Date,
): Promise<string> {
  const { notBefore, notAfter } = validity(CERTIFICATE_DAYS);
  const list = await X509CrlGenerator.create({
    issuer: new X509Certificate(authority.certificate).subject,
    thisUpdate: new Date(Math.max(notBefore.getTime(), (previous?.getTime() ?? 0) + 1000)),
    nextUpdate: notAfter,
    signingAlgorithm: ALGORITHM,
    signingKey: await signingKey(authority),
    entries: revoked.map(({ serial, revokedAt }) => ({ serialNumber: serial, revocationDate: revokedAt })),
  });
  return pem('X509 CRL', list.rawData);
}

async function sign(authority: Signed, subject: string, extensions: Extension[]): Promise<Signed> {
  const issuer = new X509Certificate(authority.certificate);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: issuer.subject,
    subject: commonName(subject),
    ...validity(CERTIFICATE_DAYS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...extensions,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificate: pem('CERTIFICATE', certificate.rawData), key: await keyText(keys.privateKey) };
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATED_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** 127 random bits, positive, and without leading zeros that some programs leave out. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

const commonName = (name: string) => new Name([{ CN: [name] }]).toString();

async function keyText(key: webcrypto.CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', key));
}

function signingKey({ key }: Signed): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', bytesOf(key), ALGORITHM, false, ['sign']);
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The bytes of a text in PEM. */
function bytesOf(text: string): Buffer {
  return Buffer.from(text.replaceAll(/-----.*-----|\s/g, ''), 'base64');
}
