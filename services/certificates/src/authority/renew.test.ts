import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { issueClientCertificate, revokeClientCertificates } from './client-certificates.js';
import { filesIn } from './files.js';
import { clientCertificates } from './issued.js';
import { readAuthority, renewCertificates } from './renew.js';
import { readRevocationList } from './sign.js';

const NAMES = ['localhost', '127.0.0.1', '192.168.1.20', 'farm.local'];
const root = mkdtempSync(join(tmpdir(), 'lamplighter-certificates-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(root, 'x-')), 'certificates');
});

const read = (name: 'authority' | 'broker' | 'revoked' | 'expiry') =>
  readFileSync(filesIn(folder)[name], 'utf8');
const revokedSerials = async () => {
  const list = await readRevocationList(readAuthority(folder), read('revoked'));
  return list?.revoked.map(({ serial }) => serial);
};

describe('renewCertificates', () => {
  it('creates an authority that signs an ECDSA certificate for all names of the broker, once', async () => {
    expect(await renewCertificates(folder, { names: NAMES })).toEqual([
      'authority',
      'broker',
      'revocation_list',
    ]);
    const [authority, broker] = [read('authority'), read('broker')].map((text) => new X509Certificate(text));
    expect(broker!.verify(authority!.publicKey) && broker!.checkIssued(authority!)).toBe(true);
    expect(broker!.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(broker!.subjectAltName).toBe(
      'DNS:localhost, IP Address:127.0.0.1, IP Address:192.168.1.20, DNS:farm.local',
    );
    expect([authority!.ca, broker!.ca]).toEqual([true, false]);
    expect(await renewCertificates(folder, { names: NAMES })).toEqual([]);
  });

  it('keeps all files readable only by their owner', async () => {
    await renewCertificates(folder, { names: NAMES });
    await issueClientCertificate(folder, 'demo');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) {
      expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  it.each<[string, { names: string[]; now?: boolean }, () => void]>([
    ['lacks an address', { names: [...NAMES, '10.0.0.7'] }, () => undefined],
    ['is renewed early', { names: NAMES, now: true }, () => undefined],
    ['is damaged', { names: NAMES }, () => writeFileSync(filesIn(folder).broker, 'x')],
    ['is missing', { names: NAMES }, () => rmSync(filesIn(folder).broker)],
    [
      'has another key',
      { names: NAMES },
      () => writeFileSync(filesIn(folder).brokerKey, readAuthority(folder).key),
    ],
  ])('replaces a certificate that %s, and keeps the authority', async (_what, options, change) => {
    await renewCertificates(folder, { names: NAMES });
    const [authority, broker] = [read('authority'), read('broker')];
    change();
    expect(await renewCertificates(folder, options)).toContain('broker');
    expect(read('authority')).toBe(authority);
    expect(read('broker')).not.toBe(broker);
    expect(new X509Certificate(read('broker')).checkIssued(new X509Certificate(authority))).toBe(true);
  });

  it('replaces certificates in the last third of their life', async () => {
    await renewCertificates(folder, { names: NAMES });
    const before = Date.now();
    const clock = jest.spyOn(Date, 'now');
    clock.mockReturnValue(before + 240 * 86_400_000);
    expect(await renewCertificates(folder, { names: NAMES })).toEqual([]);
    clock.mockReturnValue(before + 245 * 86_400_000);
    expect(await renewCertificates(folder, { names: NAMES })).toEqual(['broker', 'revocation_list']);
    clock.mockRestore();
  });

  it('keeps the names of the broker if none are given', async () => {
    await renewCertificates(folder, { names: NAMES });
    const { subjectAltName } = new X509Certificate(read('broker'));
    await renewCertificates(folder, { now: true });
    expect(new X509Certificate(read('broker')).subjectAltName).toBe(subjectAltName);
  });
});

describe('client certificates', () => {
  beforeEach(() => renewCertificates(folder, { names: NAMES }));

  it('name their account, and cannot act as the broker', async () => {
    const issued = new X509Certificate(await issueClientCertificate(folder, 'greenhouse'));
    expect(issued.subject).toBe('CN=greenhouse');
    expect(issued.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(clientCertificates(folder)).toMatchObject([{ account: 'greenhouse' }]);
  });

  it('stay revoked, whatever happens to one of the two files that say so', async () => {
    await issueClientCertificate(folder, 'one');
    await issueClientCertificate(folder, 'two');
    expect(await revokeClientCertificates(folder, 'one')).toBe(1);
    const [one] = clientCertificates(folder);
    expect(await revokedSerials()).toEqual([one!.serial]);
    writeFileSync(filesIn(folder).revoked, 'damaged');
    expect(await renewCertificates(folder, { names: NAMES })).toEqual(['revocation_list']);
    expect(await revokedSerials()).toEqual([one!.serial]);
    rmSync(filesIn(folder).clients);
    await renewCertificates(folder, { names: NAMES, now: true });
    expect(await revokedSerials()).toEqual([one!.serial]);
  });

  it('cannot be revoked twice', async () => {
    await issueClientCertificate(folder, 'one');
    await revokeClientCertificates(folder, 'one');
    await expect(revokeClientCertificates(folder, 'one')).rejects.toThrow('one has no valid certificate');
  });

  it('are listed with the earliest end of each kind, without those that are revoked', async () => {
    const kinds = (): string[] | null => read('expiry').match(/^\w+(?= \d+$)/gm);
    expect(kinds()).toEqual(['authority', 'broker', 'revocation_list']);
    await issueClientCertificate(folder, 'one');
    expect(kinds()).toEqual(['authority', 'broker', 'revocation_list', 'client']);
    await revokeClientCertificates(folder, 'one');
    expect(kinds()).toEqual(['authority', 'broker', 'revocation_list']);
  });
});
