import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { freePorts, launch, untilUp } from '../launch.js';

/** Stands in for a network address; the machine has it in addition to 127.0.0.1. */
const ADDRESS = '127.0.0.2';

async function newInstance() {
  const state = mkdtempSync(join(temporaryFolder(), 'state-'));
  const env: Record<string, string> = { LAMPLIGHTER_STATE: state, ...(await freePorts()) };
  const run = async (...command: string[]) =>
    (
      await promisify(execFile)(process.execPath, command, {
        cwd: REPOSITORY,
        env: { ...process.env, ...env },
      })
    ).stdout;
  const start = async (...flags: string[]) => {
    const launcher = launch(REPOSITORY, [process.execPath, 'scripts/start.mjs', '--no-sim', ...flags], env);
    await untilUp(launcher);
    return launcher;
  };
  return { state, env, run, start };
}

it('npm start -- --lan admits a device with what it prints, and npm run rotate renews the certificate', async () => {
  const { state, env, run, start } = await newInstance();
  const { output } = await start(`--lan=${ADDRESS}`);
  const [, command = ''] = /To try it +(mosquitto_pub .*)\n/.exec(output()) ?? [];
  expect(output()).toContain(`mqtts://${ADDRESS}:${env.MQTT_TLS_PORT}`);
  await promisify(execFile)('sh', ['-c', command], { cwd: REPOSITORY });
  const key = /API key +(lamp_\S+)/.exec(output())?.[1] ?? '';
  const device = `http://127.0.0.1:${env.API_PORT}/v1/fleets/demo/devices/my-lamp`;
  const headers = { authorization: `Bearer ${key}`, connection: 'close' };
  const lastLight = async () => {
    const { last } = (await (await fetch(device, { headers })).json()) as {
      last?: { measurements: { light?: number } };
    };
    return last?.measurements.light;
  };
  await until(async () => (await lastLight()) === 900, {
    what: 'the reading of the device',
  });

  const folder = join(state, 'certificates');
  for (const name of readdirSync(folder))
    expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
  const certificate = () => readFileSync(join(folder, 'broker.crt'), 'utf8');
  const [before, authority] = [certificate(), readFileSync(join(folder, 'ca.crt'), 'utf8')];
  expect(await run('scripts/rotate.mjs')).toMatch(/\nCertificates: the broker has a new certificate .*\n$/);
  expect(certificate()).not.toBe(before);
  expect(readFileSync(join(folder, 'ca.crt'), 'utf8')).toBe(authority);
  // The device still has the same authority.
  await promisify(execFile)('sh', ['-c', command], { cwd: REPOSITORY });
  expect(output()).not.toMatch(/restart/);
}, 120_000);

it('npm run certificates issues and revokes the certificates of devices', async () => {
  const { state, env, run, start } = await newInstance();
  const { output } = await start(`--lan=${ADDRESS}`, '--client-certificates');
  const certificates = (...args: string[]) => run('scripts/certificates.mjs', ...args);
  expect(output()).toContain('certificates -- issue demo > demo.pem');
  const pem = await certificates('issue', 'demo');
  const ca = readFileSync(join(state, 'certificates', 'ca.crt'));
  const connectDevice = () =>
    connectMqtt(`mqtts://${ADDRESS}:${env.MQTT_TLS_PORT}`, { ca, cert: pem, key: pem, connectTimeout: 5000 });
  const device = await connectDevice();
  await device.publish('demo/telemetry/lamp', { light: 1 });
  expect(await certificates('list')).toMatch(/^demo {2}valid until 20\d\d-/);

  expect(await certificates('revoke', 'demo')).toBe('Revoked 1 certificate of demo and disconnected it.\n');
  await until(() => !device.connected(), { what: 'the device to be disconnected' });
  await expect(connectDevice()).rejects.toThrow();
  expect(await certificates('list')).toMatch(/^demo {2}revoked at 20\d\d-/);
  await expect(certificates('issue', 'rules')).rejects.toThrow('fleet name "rules" is reserved');
  await expect(certificates('issue', 'unknown')).rejects.toThrow('unknown account "unknown"');
  // The key of the device is kept nowhere.
  const [, key = pem] = /PRIVATE KEY-----\n(.+)\n/.exec(pem) ?? [];
  const files = readdirSync(join(state, 'certificates')).map((name) => join(state, 'certificates', name));
  expect(files.filter((file) => readFileSync(file, 'utf8').includes(key))).toEqual([]);
}, 120_000);
