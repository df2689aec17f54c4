import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { connectRedis } from './connect.js';

/** A certificate authority and a certificate for 127.0.0.1 that it signed. */
function createCertificates(): Record<'ca' | 'cert' | 'key', string> {
  const folder = temporaryFolder();
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '1',
    '-subj',
    '/CN=test CA',
  );
  openssl(
    'req',
    ...key,
    '-keyout',
    'key.pem',
    '-out',
    'request.pem',
    '-subj',
    '/CN=redis',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  );
  openssl(
    'x509',
    '-req',
    '-in',
    'request.pem',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-copy_extensions',
    'copy',
    '-days',
    '1',
    '-out',
    'cert.pem',
  );
  return { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
}

/** The outcome of the first attempt to connect. */
function firstAttempt(url: string, ca?: string): Promise<string> {
  return new Promise((resolve) => {
    const redis = connectRedis(url, 'test', { ca, onUp: () => resolve('up'), onDown: resolve });
    closeLater('Redis client', () => redis.disconnect());
  });
}

it('connects with TLS to a Redis whose certificate authority it knows, and to no other', async () => {
  const [own, other] = [createCertificates(), createCertificates()];
  const port = await freePort();
  const redis = await startRedis({
    settings: [
      `tls-port ${port}`,
      `tls-cert-file "${own.cert}"`,
      `tls-key-file "${own.key}"`,
      `tls-ca-cert-file "${own.ca}"`,
      'tls-auth-clients no',
    ],
  });
  const url = redis.apiUrl.replace('redis:', 'rediss:').replace(`:${redis.port}`, `:${port}`);
  expect(await firstAttempt(url, readFileSync(own.ca, 'utf8'))).toBe('up');
  expect(await firstAttempt(url, readFileSync(other.ca, 'utf8'))).toMatch(/certificate/);
  expect(await firstAttempt(url)).toMatch(/certificate/);
  // Without TLS the certificate authority is not used.
  expect(await firstAttempt(redis.apiUrl, readFileSync(own.ca, 'utf8'))).toBe('up');
});
