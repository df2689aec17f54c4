import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { connectDevice } from '@lamplighter/test-kit/device';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { Redis } from 'ioredis';
import { connect } from 'mqtt';
import { freePorts, launch, untilUp } from '../launch.js';

const SECRETS = ['redis', 'redis-rules', 'redis-api', 'mqtt-rules'];

/** The outcome of a connection to the broker as rules. */
function signIn(port: string, password: string): Promise<string> {
  const client = connect(`mqtt://127.0.0.1:${port}`, { username: 'rules', password, reconnectPeriod: 0 });
  return new Promise<string>((resolve) => {
    client.once('connect', () => resolve('connected'));
    client.once('error', (error) => resolve(error.message));
  }).finally(() => client.endAsync(true));
}

it('npm run rotate replaces the passwords of a running instance, which serves meanwhile and does not restart', async () => {
  const state = mkdtempSync(join(temporaryFolder(), 'state-'));
  const ports = await freePorts();
  const env = { LAMPLIGHTER_STATE: state, ...ports };
  const launcher = launch(REPOSITORY, [process.execPath, 'scripts/start.mjs', '--no-sim'], env);
  await untilUp(launcher);
  const secret = (name: string) => readFileSync(join(state, 'secrets', name), 'utf8').trim();
  const key = /API key +(lamp_\S+)/.exec(launcher.output())?.[1] ?? '';
  const api = (path: string) =>
    fetch(`http://127.0.0.1:${ports.API_PORT}${path}`, {
      headers: { authorization: `Bearer ${key}`, connection: 'close' },
    });
  const earlier = Object.fromEntries(SECRETS.map((name) => [name, secret(name)]));
  const earlierRedisUrl = secret('url-redis-api');
  // A connection that someone opened with the earlier password.
  const stolen = new Redis(earlierRedisUrl, { retryStrategy: null, disableClientInfo: true });
  stolen.on('error', () => undefined);
  closeLater('earlier connection', () => stolen.disconnect());
  expect(await stolen.ping()).toBe('PONG');
  const lamp = await connectDevice(
    { name: 'demo', url: `mqtt://demo:${secret('mqtt-demo')}@127.0.0.1:${ports.MQTT_PORT}` },
    'lamp-1',
  );
  await lamp.sendReading({ light: 900 });

  let isRotating = true;
  const statuses = new Set<number>();
  const requests = (async () => {
    while (isRotating) statuses.add((await api('/v1/fleets')).status);
  })();
  const rotation = await promisify(execFile)(process.execPath, ['scripts/rotate.mjs'], {
    cwd: REPOSITORY,
    env: { ...process.env, ...env },
  });
  isRotating = false;
  await requests;
  expect(rotation.stdout).toMatch(/^Redis: .*are refused\.\nBroker: .*is refused\.\n$/);
  expect([...statuses]).toEqual([200]);

  for (const name of SECRETS) {
    expect(secret(name)).not.toBe(earlier[name]);
    expect(statSync(join(state, 'secrets', name)).mode & 0o777).toBe(0o600);
  }
  await expect(stolen.ping()).rejects.toThrow();
  const again = new Redis(earlierRedisUrl, { retryStrategy: null, disableClientInfo: true });
  again.on('error', () => undefined);
  closeLater('earlier password', () => again.disconnect());
  await expect(again.ping()).rejects.toThrow();
  expect(await signIn(ports.MQTT_SERVICES_PORT!, earlier['mqtt-rules']!)).toMatch(/[Nn]ot authorized/);
  expect(await signIn(ports.MQTT_SERVICES_PORT!, secret('mqtt-rules'))).toBe('connected');

  await until(async () => (await fetch(`http://127.0.0.1:${ports.RULES_PORT}/health/ready`)).ok, {
    what: 'rules to be ready with its new passwords',
  });
  await lamp.sendReading({ light: 100 });
  await until(() => lamp.commands().length > 0, { what: 'a command' });
  expect(launcher.output()).not.toMatch(/restart/);
}, 120_000);
