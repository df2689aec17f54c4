import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, createServer, type TLSSocket } from 'node:tls';
import { jest } from '@jest/globals';
import {
  issueClientCertificate,
  revokeClientCertificates,
} from '@lamplighter/certificates/authority/client-certificates';
import { filesIn } from '@lamplighter/certificates/authority/files';
import { renewCertificates } from '@lamplighter/certificates/authority/renew';
import { disconnectAccount } from '@lamplighter/native/servers/disconnect-account';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker } from '@lamplighter/test-kit/servers/broker';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import type { IClientOptions } from 'mqtt';

/** Stands in for a network address; the machine has it in addition to 127.0.0.1. */
const ADDRESS = '127.0.0.2';

async function newAuthority(): Promise<string> {
  const folder = join(mkdtempSync(join(temporaryFolder(), 'x-')), 'certificates');
  await renewCertificates(folder, { names: ['localhost', ADDRESS] });
  return folder;
}

async function startTlsBroker(clientCertificates = false) {
  const certificates = await newAuthority();
  const broker = await startBroker({ network: { address: ADDRESS, certificates, clientCertificates } });
  return { broker, certificates, ca: readFileSync(filesIn(certificates).authority) };
}

/** A client certificate whose year is over. */
async function expiredCertificate(folder: string): Promise<string> {
  const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 400 * 86_400_000);
  const pem = await issueClientCertificate(folder, 'demo').finally(() => clock.mockRestore());
  expect(Date.parse(new X509Certificate(pem).validTo)).toBeLessThan(Date.now());
  return pem;
}

const portOf = (url: string) => Number(new URL(url).port);
const networkPort = (broker: TestBroker) => portOf(broker.networkUrl('demo'));

/** Whether a port of an address accepts connections. */
function listens(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, host);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** A TLS connection to the broker; settles when the handshake is complete. */
function handshake(port: number, options: object): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: ADDRESS, port, ...options });
    closeLater('TLS connection', () => void socket.destroy());
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(socket));
  });
}

const serialOf = (socket: TLSSocket) => socket.getPeerCertificate().serialNumber;

describe('the TLS listener', () => {
  let broker: TestBroker;
  let certificates: string;
  let ca: Buffer;
  beforeAll(async () => {
    ({ broker, certificates, ca } = await startTlsBroker());
  });

  it('is the only one that listens on the network', async () => {
    const [tls, plain, services] = [networkPort(broker), broker.port, portOf(broker.rulesUrl)];
    expect(await Promise.all([tls, plain, services].map((port) => listens(port, ADDRESS)))).toEqual([
      true,
      false,
      false,
    ]);
    expect(await Promise.all([tls, plain, services].map((port) => listens(port, '127.0.0.1')))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('admits a device that knows the authority and an account', async () => {
    const device = await connectMqtt(broker.networkUrl('demo'), { ca });
    const rules = await connectMqtt(broker.rulesUrl);
    await device.subscribe('demo/commands/lamp');
    await rules.publish('demo/commands/lamp', { led_on: true });
    expect((await device.next()).payload.toString()).toBe('{"led_on":true}');
  });

  const at = (credentials: string) => `mqtts://${credentials}${ADDRESS}:${networkPort(broker)}`;

  it.each([
    ['a wrong password', () => at('demo:wrong@')],
    ['an anonymous client', () => at('')],
    ['the account of rules', () => at(`rules:${new URL(broker.rulesUrl).password}@`)],
  ])('refuses %s', async (_who, url) => {
    await expect(connectMqtt(url(), { ca })).rejects.toThrow(/authori[sz]ed/i);
  });

  it('refuses a device without TLS', async () => {
    const url = broker.networkUrl('demo').replace('mqtts:', 'mqtt:');
    await expect(connectMqtt(url, { connectTimeout: 2000 })).rejects.toThrow(/closed|ECONNRESET|timeout/);
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s', async (version) => {
    const old = { ca, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(handshake(networkPort(broker), old)).rejects.toThrow(
      /protocol version|unsupported protocol/i,
    );
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('accepts %s', async (version) => {
    const socket = await handshake(networkPort(broker), { ca, minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
  });

  it('is not trusted by a device with another authority, or under another name', async () => {
    const other = readFileSync(filesIn(await newAuthority()).authority);
    await expect(connectMqtt(broker.networkUrl('demo'), { ca: other })).rejects.toThrow(/certificate/);
    await expect(handshake(networkPort(broker), {})).rejects.toThrow(/certificate/);
    await expect(handshake(networkPort(broker), { ca, servername: 'elsewhere.example' })).rejects.toThrow(
      /does not match/,
    );
  });

  it('takes over a renewed certificate while connections continue', async () => {
    const before = await handshake(networkPort(broker), { ca });
    const device = await connectMqtt(broker.networkUrl('demo'), { ca });
    await renewCertificates(certificates, { now: true });
    await broker.newFleet(); // reloads
    await until(async () => serialOf(await handshake(networkPort(broker), { ca })) !== serialOf(before), {
      what: 'the new certificate',
    });
    await device.publish('demo/telemetry/lamp', { light: 1 });
    expect(device.connected()).toBe(true);
  });
});

describe('client certificates', () => {
  let broker: TestBroker;
  let certificates: string;
  let ca: Buffer;
  beforeAll(async () => {
    ({ broker, certificates, ca } = await startTlsBroker(true));
  });

  const url = () => `mqtts://${ADDRESS}:${networkPort(broker)}`;
  const connectWith = (pem: string, options: IClientOptions = {}) =>
    connectMqtt(url(), { ca, cert: pem, key: pem, connectTimeout: 5000, ...options });
  /** The broker closes the connection of a client that it refuses, with or without an alert. */
  const REFUSED = /alert|closed|ECONNRESET|EPIPE|timeout/;

  it('identify the account, whatever the client claims to be', async () => {
    const device = await connectWith(await issueClientCertificate(certificates, 'greenhouse'), {
      username: 'demo',
      password: new URL(broker.fleetUrl('demo')).password,
    });
    await device.publish('greenhouse/telemetry/lamp', { light: 1 });
    await expect(device.publish('demo/telemetry/lamp', { light: 1 })).rejects.toThrow(/authori[sz]ed/i);
  });

  it.each([
    ['none', async () => undefined],
    ['one of another authority', async () => issueClientCertificate(await newAuthority(), 'demo')],
    [
      'the certificate of the broker',
      async () =>
        readFileSync(filesIn(certificates).broker, 'utf8') +
        readFileSync(filesIn(certificates).brokerKey, 'utf8'),
    ],
    ['an expired one', () => expiredCertificate(certificates)],
  ])('are required: the broker refuses %s', async (_what, pem) => {
    const text = await pem();
    const { username, password } = new URL(broker.fleetUrl('demo'));
    const options = { ca, username, password, connectTimeout: 5000, ...(text && { cert: text, key: text }) };
    await expect(connectMqtt(url(), options)).rejects.toThrow(REFUSED);
  });

  it('are refused once they are revoked, and the connection of the device ends', async () => {
    const pem = await issueClientCertificate(certificates, 'orchard');
    const other = await connectWith(await issueClientCertificate(certificates, 'meadow'));
    const device = await connectWith(pem, { clientId: 'orchard (old) lamp' });
    await revokeClientCertificates(certificates, 'orchard');
    await broker.newFleet(); // reloads
    const { port, password } = new URL(broker.rulesUrl);
    const logFile = join(temporaryFolder(), 'mosquitto.log');
    writeFileSync(logFile, broker.output());
    await disconnectAccount('orchard', { port: Number(port), password, logFile });
    await until(() => !device.connected(), { what: 'the connection to end' });
    await expect(connectWith(pem)).rejects.toThrow(REFUSED);
    expect(other.connected()).toBe(true);
  });

  it('protect the listener: the broker does not start without its revocation list, or with a damaged one', async () => {
    const own = await startTlsBroker(true);
    const { revoked } = filesIn(own.certificates);
    await own.broker.stop();
    rmSync(revoked);
    await expect(own.broker.start()).rejects.toThrow(/revocation/);
    writeFileSync(revoked, 'damaged');
    await expect(own.broker.start()).rejects.toThrow(/revocation/);
    await renewCertificates(own.certificates, {});
    await own.broker.start();
  });
});

it('rules connects with mqtts:// to a broker whose authority it knows, and to no other', async () => {
  const [broker, redis, certificates] = [await startBroker(), await startRedis(), await newAuthority()];
  const { authority, broker: cert, brokerKey } = filesIn(certificates);
  // Terminates TLS in front of the services' listener, which is on loopback.
  const proxy = createServer({ cert: readFileSync(cert), key: readFileSync(brokerKey) }, (socket) => {
    const inner = connectTcp(portOf(broker.rulesUrl), '127.0.0.1');
    socket.pipe(inner).pipe(socket);
    for (const one of [socket, inner])
      one.on('error', () => socket.destroy()).on('close', () => inner.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, ADDRESS, resolve));
  closeLater('TLS proxy', () => void proxy.close());
  const { username, password } = new URL(broker.rulesUrl);
  const MQTT_URL = `mqtts://${username}:${password}@${ADDRESS}:${(proxy.address() as { port: number }).port}`;
  const rules = await startService('rules', { MQTT_URL, MQTT_CA_FILE: authority, REDIS_URL: redis.rulesUrl });
  expect((await fetch(`${rules.url}/health/ready`)).status).toBe(200);
  const stranger = filesIn(await newAuthority()).authority;
  const env = { MQTT_URL, MQTT_CA_FILE: stranger, REDIS_URL: redis.rulesUrl };
  const mistrusting = await startService('rules', env, { wait: 'started' });
  await until(() => /certificate/.test(mistrusting.output()), { what: 'the reason in the log' });
  expect((await fetch(`${mistrusting.url}/health/ready`)).status).toBe(503);
}, 120_000);
