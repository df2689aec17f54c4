import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { freePorts, type Launcher, launch, untilUp } from '../launch.js';

/** A real instance of `npm start`. The tests do what a new user does: start it, run the printed commands, stop it, start it again. */
interface Instance {
  readonly env: Record<string, string>;
  readonly state: string;
  readonly api: string;
}

async function newInstance(): Promise<Instance> {
  const state = mkdtempSync(join(temporaryFolder(), 'state-'));
  const env: Record<string, string> = { LAMPLIGHTER_STATE: state, ...(await freePorts()) };
  return { env, state, api: `http://127.0.0.1:${env.API_PORT}` };
}

async function start({ env }: Instance, ...flags: string[]): Promise<Launcher> {
  const launcher = launch(REPOSITORY, [process.execPath, 'scripts/start.mjs', ...flags], env);
  await untilUp(launcher);
  return launcher;
}

/** Stops the launcher as Ctrl-C does. */
function stop(launcher: Launcher): Promise<number | NodeJS.Signals> {
  launcher.process.kill('SIGINT');
  return launcher.ended();
}

/** Runs the commands that the launcher printed under these suggestions in a shell. */
async function tryOut(run: Launcher, { env }: Instance, ...things: string[]): Promise<string> {
  const lines = run.output().split('\n');
  const typed = things.flatMap((thing) => {
    const from = lines.findIndex((line) => line.includes(thing)) + 1;
    const to = lines.findIndex((line, index) => index >= from && !line.startsWith('     '));
    return lines.slice(from, to);
  });
  const shell = { cwd: REPOSITORY, env: { ...process.env, ...env } };
  const { stdout } = await promisify(execFile)('sh', ['-c', `${typed.join('\n')}\nwait`], shell);
  return stdout;
}

/** Secrets, and files that contain them, are readable only by their owner; no log contains one, nor the API key. */
function expectNoSecretInFiles({ state }: Instance, key: string): void {
  const secrets = readdirSync(join(state, 'secrets')).map((name) => join(state, 'secrets', name));
  const passwords = secrets.map((file) => readFileSync(file, 'utf8').trim());
  const generated = ['redis/redis.conf', 'redis/users.acl', 'mosquitto/mosquitto.conf'].map((name) =>
    join(state, name),
  );
  for (const file of [...secrets, ...generated])
    expect([file, statSync(file).mode & 0o777]).toEqual([file, 0o600]);
  expect(statSync(join(state, 'secrets')).mode & 0o777).toBe(0o700);
  const logs = readdirSync(join(state, 'logs')).map((name) => join(state, 'logs', name));
  expect(logs.length).toBeGreaterThanOrEqual(6);
  for (const file of [...logs, ...generated]) {
    const text = readFileSync(file, 'utf8');
    expect([file, [key, ...passwords].filter((secret) => text.includes(secret))]).toEqual([file, []]);
  }
}

/** No process of the instance has a secret in its arguments or its environment, which other programs of the user can read. */
function expectNoSecretInProcesses({ state }: Instance, key: string): void {
  const folder = join(state, 'secrets');
  const secrets = [
    key,
    ...readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8').trim()),
  ];
  const texts = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`])
    .flatMap((file) => {
      try {
        return [{ file, text: readFileSync(file, 'latin1') }];
      } catch {
        return []; // the process has ended
      }
    });
  expect(texts.filter(({ text }) => text.includes(state)).length).toBeGreaterThan(5);
  const exposed = texts.filter(({ text }) => secrets.some((secret) => text.includes(secret)));
  expect(exposed.map(({ file }) => file)).toEqual([]);
}

it('starts all servers, its suggestions work, and a second start keeps all data', async () => {
  const instance = await newInstance();
  const first = await start(instance, '--devices', '5');
  const key = /API key +(lamp_\S+)/.exec(first.output())?.[1] ?? '';
  const get = async (path: string) => {
    const response = await fetch(`${instance.api}${path}`, { headers: { authorization: `Bearer ${key}` } });
    return (await response.json()) as Record<string, unknown>;
  };

  for (const _ of ['once', 'again']) {
    // On a busy machine the program may need longer to subscribe than the printed second.
    await until(
      async () => /[{]"led_on":true[}]\n$/.test(await tryOut(first, instance, '1. Act as a device')),
      {
        what: 'the device of the first suggestion to get a command',
        timeoutMs: 30_000,
      },
    );
  }
  await until(
    async () => JSON.parse(await tryOut(first, instance, '2. Get')).last?.measurements.light !== undefined,
    { what: 'the last state of lamp-0001' },
  );
  const command = JSON.parse(
    await tryOut(first, instance, '2. Get', '3. Send').then((text) => text.slice(text.indexOf('}{') + 1)),
  );
  await until(async () => (await get(`/v1/commands/${command.id}`)).state === 'succeeded', {
    what: 'the command to succeed',
  });
  await until(() => /6 devices online · [1-9][\d.]* readings\/s/.test(first.output()), {
    what: 'the live line to show 5 lamps and the device of the first suggestion',
    timeoutMs: 25_000,
  });
  expect((await fetch(`${instance.api}/v1/fleets`)).status).toBe(401);
  expectNoSecretInProcesses(instance, key);
  expectNoSecretInFiles(instance, key);
  await until(
    async () => {
      const response = await fetch(
        `http://127.0.0.1:${instance.env.PROMETHEUS_PORT}/api/v1/query?query=sum(up)`,
      );
      return (await response.text()).includes('"4"');
    },
    { what: 'Prometheus to scrape rules, api, device-sim and itself', timeoutMs: 30_000 },
  );

  expect(await stop(first)).toBe(0);
  expect(first.output()).toMatch(/\nstopped\n$/);

  const second = await start(instance, '--no-sim');
  expect(second.output()).not.toContain(key);
  expect(second.output()).toContain('shown at the first start; new key: LAMPLIGHTER_STATE=');
  expect(await get(`/v1/commands/${command.id}`)).toHaveProperty('state', 'succeeded');
  const npm = await promisify(execFile)(process.execPath, ['scripts/key.mjs'], {
    cwd: REPOSITORY,
    env: { ...process.env, ...instance.env },
  });
  expect(npm.stdout).toMatch(/^lamp_[0-9a-f]{12}[.]\S{43}\n$/);
  const another = await fetch(`${instance.api}/v1/fleets`, {
    headers: { authorization: `Bearer ${npm.stdout.trim()}` },
  });
  expect(another.status).toBe(200);
}, 150_000);

it('creates a new password for the rules account when its file is removed', async () => {
  const instance = await newInstance();
  const file = join(instance.state, 'secrets/mqtt-rules');
  const urlNow = () =>
    `mqtt://rules:${readFileSync(file, 'utf8').trim()}@127.0.0.1:${instance.env.MQTT_SERVICES_PORT}`;
  const first = await start(instance, '--no-sim');
  const before = urlNow();
  expect(await stop(first)).toBe(0);
  rmSync(file);
  await start(instance, '--no-sim'); // it is up when a canary of the rules service has arrived
  expect(urlNow()).not.toBe(before);
  await connectMqtt(urlNow());
  await expect(connectMqtt(before)).rejects.toThrow(/authori[sz]ed/i);
}, 120_000);

it('serves the lesson to anonymous clients only with --lesson', async () => {
  const instance = await newInstance();
  const run = await start(instance, '--no-sim', '--lesson');
  expect(run.output()).toContain(`Lesson       host 127.0.0.1, port ${instance.env.MQTT_PORT}, no password`);
  const student = await connectMqtt(`mqtt://127.0.0.1:${instance.env.MQTT_PORT}`, { protocolVersion: 4 });
  await student.subscribe('my-id/commands');
  await student.publish('my-id/telemetry', { light: 299 }, { qos: 0 });
  expect((await student.next()).payload.toString()).toBe('{"led_on":true}');
  await student.close();
  expect(await stop(run)).toBe(0);
  await start(instance, '--no-sim');
  await expect(connectMqtt(`mqtt://127.0.0.1:${instance.env.MQTT_PORT}`)).rejects.toThrow(/authori[sz]ed/i);
}, 120_000);

it('does not reveal its secrets', async () => {
  const instance = await newInstance();
  const run = await start(instance, '--devices', '1');
  expect(statSync(instance.state).mode & 0o077).toBe(0);
  const secrets = ['redis', 'mqtt-rules', 'mqtt-demo'].map((name) =>
    readFileSync(join(instance.state, 'secrets', name), 'utf8').trim(),
  );
  const { stdout: commands } = await promisify(execFile)('ps', ['-eo', 'args']);
  const logs = ['mosquitto', 'redis-server', 'prometheus', 'rules', 'api', 'device-sim'].map((name) =>
    readFileSync(join(instance.state, 'logs', `${name}.log`), 'utf8'),
  );
  for (const secret of secrets) {
    expect(secret).toHaveLength(32);
    for (const text of [commands, run.output(), ...logs]) expect(text).not.toContain(secret);
  }
  const [, key = ''] = /API key +\S+[.](\S+)/.exec(run.output()) ?? [];
  for (const log of logs) expect(log).not.toContain(key);
}, 60_000);
