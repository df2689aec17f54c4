import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { until } from '@lamplighter/test-kit/until';
import { readFlags } from '../../../scripts/flags.mjs';
import { requireSupportedNode, whyInstall } from '../../../scripts/prepare.mjs';
import { freePorts, type Launcher, launch, untilUp } from '../launch.js';

/** Each service of a repository copy is replaced by this stub, which can fail. Launcher, broker, Redis and Prometheus are real. */
const STUB = `
const { basename, resolve } = require('node:path');
const name = basename(resolve(__dirname, '..'));
const port = process.env[{ rules: 'RULES_PORT', api: 'API_PORT', 'device-sim': 'SIM_PORT' }[name]];
console.log(name, 'receives', Object.keys(process.env).filter((key) => /_URL(_FILE)?$/.test(key)).sort().join(' '));
if (process.env.FAIL === name) {
  console.error(name + ': invalid configuration\\n  SEED: must be a whole number');
  process.exit(1);
}
require('node:http').createServer((request, response) => {
  if (request.url === '/die') process.exit(7);
  if (process.env.NEVER === name && request.url === '/health/ready') response.writeHead(503);
  response.end('lamplighter_devices{state="online"} 50\\n');
}).listen(port, '127.0.0.1');
process.on('SIGTERM', () => {
  console.log(name, 'stops');
  if (process.env.ORDER) require('node:fs').appendFileSync(process.env.ORDER, name + ' ');
  process.exit(0);
});
`;

interface Stub extends Launcher {
  readonly folder: string;
  readonly env: Record<string, string>;
}

function stubRepository(): string {
  const folder = temporaryFolder();
  cpSync(join(REPOSITORY, 'tools/native/dist'), join(folder, 'tools/native/dist'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const name of ['mosquitto', 'redis', 'node_modules'])
    symlinkSync(join(REPOSITORY, name), join(folder, name));
  for (const name of ['rules', 'api', 'device-sim']) {
    const dist = join(folder, 'services', name, 'dist');
    mkdirSync(dist, { recursive: true });
    writeFileSync(join(dist, 'package.json'), '{"type":"commonjs"}');
    writeFileSync(join(dist, 'bundle.js'), STUB);
    writeFileSync(join(dist, 'create-key.js'), 'console.log("lamp_key")');
  }
  mkdirSync(join(folder, 'scripts'));
  writeFileSync(
    join(folder, 'scripts/start.mjs'),
    `import { start } from '../tools/native/dist/commands/start.js';
     process.exitCode = await start({ sim: !process.argv.includes('--no-sim'), lesson: false, reset: process.argv.includes('--reset') });`,
  );
  return folder;
}

async function start(
  options: { folder?: string; env?: Record<string, string>; command?: string[] } = {},
): Promise<Stub> {
  const folder = options.folder ?? stubRepository();
  const env = { ...(await freePorts()), ...options.env };
  const command = options.command ?? [process.execPath, 'scripts/start.mjs'];
  return { ...launch(folder, command, env), folder, env };
}

/** The running processes of the launcher, including guards. Redis shows its address instead of its arguments. */
function processesOf({ folder, env, process: { pid } }: Stub): string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' });
  const marks = [folder, `127.0.0.1:${env.REDIS_PORT}`];
  const own = (line: string) => line.trim().startsWith(`${pid} `);
  return stdout.split('\n').filter((line) => marks.some((mark) => line.includes(mark)) && !own(line));
}

const waitUntilGone = (launcher: Stub) =>
  until(() => processesOf(launcher).length === 0, { what: 'all processes of the launcher to end' });

describe('npm start', () => {
  it('stops all servers in reverse order on SIGTERM, and leaves no process behind', async () => {
    const order = join(temporaryFolder(), 'order');
    const launcher = await start({ env: { ORDER: order } });
    await untilUp(launcher);
    const guards = processesOf(launcher).filter((line) => line.includes('/bin/sh -c'));
    expect([guards.length, processesOf(launcher).length]).toEqual([6, 12]);
    launcher.process.kill('SIGTERM');
    expect(await launcher.ended()).toBe(0);
    await waitUntilGone(launcher);
    expect(launcher.output()).toMatch(/\nstopped\n$/);
    expect(readFileSync(order, 'utf8')).toBe('device-sim api rules ');
    const log = readFileSync(join(launcher.folder, '.lamplighter/logs/rules.log'), 'utf8');
    expect(log).toBe('rules receives MQTT_URL_FILE REDIS_URL_FILE\nrules stops\n');
  }, 60_000);

  it('stops all servers when the npm process that started it receives SIGTERM', async () => {
    const folder = stubRepository();
    const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', scripts }));
    const launcher = await start({ folder, command: ['npm', 'start'] });
    await untilUp(launcher);
    launcher.process.kill('SIGTERM');
    await launcher.ended();
    await waitUntilGone(launcher);
  }, 60_000);

  it('stops all servers when it is interrupted during the start', async () => {
    const launcher = await start();
    await until(() => launcher.output().includes('✓ redis-server'), { what: 'Redis to be up' });
    launcher.process.kill('SIGINT');
    expect(await launcher.ended()).toBe(0);
    await waitUntilGone(launcher);
  }, 60_000);

  it('leaves no process behind when it is killed', async () => {
    const launcher = await start();
    await untilUp(launcher);
    launcher.process.kill('SIGKILL');
    expect(await launcher.ended()).toBe('SIGKILL');
    await waitUntilGone(launcher);
  }, 60_000);

  it('keeps its data and secrets after it was killed, and replaces them with --reset', async () => {
    const first = await start();
    await untilUp(first);
    const password = () => readFileSync(join(first.folder, '.lamplighter/secrets/redis'), 'utf8');
    const before = password();
    first.process.kill('SIGKILL');
    await waitUntilGone(first);
    const second = await start({ folder: first.folder, env: first.env });
    await untilUp(second);
    expect(password()).toBe(before);
    second.process.kill('SIGTERM');
    await second.ended();
    const third = await start({
      folder: first.folder,
      env: first.env,
      command: [process.execPath, 'scripts/start.mjs', '--reset'],
    });
    await untilUp(third);
    expect(password()).not.toBe(before);
  }, 90_000);

  it('reports which service failed to start and why, and stops the rest', async () => {
    const launcher = await start({ env: { FAIL: 'api' } });
    expect(await launcher.ended()).toBe(1);
    expect(launcher.output()).toContain(
      'lamplighter: api exited with code 1; last lines of its log:\n  api receives PROMETHEUS_URL REDIS_URL_FILE\n  api: invalid configuration\n    SEED: must be a whole number\n',
    );
    expect(launcher.output()).not.toMatch(/\n\s+at /);
    await waitUntilGone(launcher);
  }, 60_000);

  it('reports it immediately even while other services are not ready', async () => {
    const launcher = await start({ env: { FAIL: 'rules', NEVER: 'api' } });
    expect(await launcher.ended()).toBe(1);
    expect(launcher.output()).toContain('lamplighter: rules exited with code 1');
    await waitUntilGone(launcher);
  }, 40_000);

  it('reports in one line that its folder cannot be created', async () => {
    const launcher = await start({ env: { LAMPLIGHTER_STATE: '/dev/null/lamps' } });
    expect(await launcher.ended()).toBe(1);
    expect(launcher.output()).toMatch(
      /^lamplighter: ENOTDIR: not a directory, mkdir '\/dev\/null\/lamps'\n$/,
    );
  }, 40_000);

  it('restarts a service that exits, and gives up with the end of its log after repeated failures', async () => {
    const launcher = await start();
    await untilUp(launcher);
    const crash = () => fetch(`http://127.0.0.1:${launcher.env.API_PORT}/die`).catch(() => {});
    const crashes = () => launcher.output().match(/! api exited with code 7; restarting in/g)?.length ?? 0;
    for (let count = 1; count < 5; count += 1) {
      await until(() => crash().then(() => crashes() === count), { what: `crash ${count} of the API` });
      expect(launcher.process.exitCode).toBeNull();
    }
    expect(launcher.output()).toContain('! api exited with code 7; restarting in 1 s\n');
    expect(launcher.output()).toContain('! api exited with code 7; restarting in 8 s\n');
    await until(() => crash().then(() => launcher.process.exitCode !== null), {
      what: 'the launcher to exit',
    });
    expect(await launcher.ended()).toBe(1);
    expect(launcher.output()).toContain(
      'api exited with code 7, 5 times in a row; stopping all processes. Last lines of ',
    );
    expect(launcher.output()).toContain('  api receives PROMETHEUS_URL REDIS_URL_FILE');
    await waitUntilGone(launcher);
  }, 90_000);

  it.each(['mosquitto', 'redis-server', 'prometheus', 'rules', 'device-sim'])(
    'restarts %s when it is killed, and stops cleanly during a restart',
    async (name) => {
      const launcher = await start();
      await untilUp(launcher);
      const kill = () => {
        const of = name.replace('redis-server', `127.0.0.1:${launcher.env.REDIS_PORT}`);
        const line = processesOf(launcher).find((args) => args.includes(of) && !args.includes('/bin/sh -c'));
        process.kill(Number(line?.trim().split(' ')[0]), 'SIGKILL');
      };
      kill();
      await until(() => launcher.output().includes(`✓ ${name} is running again`), {
        what: `${name} to run again`,
      });
      expect(launcher.output()).toContain(`! ${name} was killed by SIGKILL; restarting in 1 s\n`);
      kill();
      await until(() => launcher.output().includes('restarting in 2 s'), { what: 'a second restart' });
      launcher.process.kill('SIGINT');
      expect(await launcher.ended()).toBe(0);
      await waitUntilGone(launcher);
    },
    60_000,
  );

  it('rejects a state folder that another instance uses', async () => {
    const first = await start();
    await untilUp(first);
    const second = await start({ folder: first.folder });
    expect(await second.ended()).toBe(1);
    expect(second.output()).toContain(
      `${first.folder}/.lamplighter is in use by process ${first.process.pid}`,
    );
    const third = await start({ folder: first.folder, env: { LAMPLIGHTER_STATE: temporaryFolder() } });
    await untilUp(third);
    third.process.kill('SIGTERM');
    expect(await third.ended()).toBe(0);
    expect(first.process.exitCode).toBeNull();
  }, 90_000);

  it('lists all ports that are in use with their variables, and starts nothing', async () => {
    const port = await freePort();
    const listener = createServer();
    closeLater('listener', () => listener.close());
    await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
    const launcher = await start({ env: { MQTT_PORT: String(port) } });
    expect(await launcher.ended()).toBe(1);
    expect(launcher.output()).toContain(
      `lamplighter: these ports are in use:\n  ${port}  MQTT_PORT, the broker\n`,
    );
    const withoutSim = await start({
      env: { SIM_PORT: String(port) },
      command: [process.execPath, 'scripts/start.mjs', '--no-sim'],
    });
    await untilUp(withoutSim);
    const twice = await start({ env: { API_PORT: 'eighty', SIM_PORT: '0' } });
    expect(await twice.ended()).toBe(1);
    expect(twice.output()).toBe(
      'lamplighter: API_PORT must be a port from 1 to 65535, not "eighty"\n  SIM_PORT must be a port from 1 to 65535, not "0"\n',
    );
  }, 60_000);
});

describe('npm run key', () => {
  it('without an instance prints an error', () => {
    const env = { ...process.env, LAMPLIGHTER_STATE: temporaryFolder() };
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/key.mjs'], {
      cwd: REPOSITORY,
      encoding: 'utf8',
      env,
    });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^lamplighter: no instance is running in .*; start one first: npm start\n$/);
  });
});

it.each(['key', 'watch'])('npm run %s installs no packages before the first start', (name) => {
  const root = temporaryFolder();
  cpSync(join(REPOSITORY, 'scripts'), join(root, 'scripts'), { recursive: true });
  const npm = join(root, 'npm.js');
  writeFileSync(npm, `require('node:fs').writeFileSync(${JSON.stringify(join(root, 'called'))}, '')`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, `scripts/${name}.mjs`)], {
    encoding: 'utf8',
    env: { ...process.env, npm_execpath: npm },
  });
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toBe('lamplighter: no instance is running; start one first: npm start\n');
  expect(existsSync(join(root, 'called'))).toBe(false);
});

describe('flags of npm start', () => {
  it.each([
    [['--devices', '500'], { devices: 500, sim: true }],
    [['--devices=2', '--lesson'], { devices: 2, lesson: true }],
    [['--no-sim', '--reset'], { sim: false, reset: true }],
    [['--lan'], { lan: '' }],
    [['--lan=10.0.0.7', '--client-certificates'], { lan: '10.0.0.7', clientCertificates: true }],
  ])('accepts %j', (args, flags) => {
    expect(readFlags(args, {})).toMatchObject(flags);
  });

  it.each<[string, string[], Record<string, string>, string]>([
    ['an unknown flag', ['--fast'], {}, 'unknown flag "--fast"'],
    ['an argument that is not a flag', ['lamps'], {}, 'unexpected argument "lamps"'],
    ['a missing number', ['--devices'], {}, '--devices requires a whole number from 1 to 100000'],
    ['an invalid number', ['--devices', 'many', '--x'], {}, 'not "many"\n  unknown flag "--x"'],
    ['an invalid address', ['--lan=here'], {}, '--lan requires an IPv4 address, not "here"'],
    ['an option without its flag', ['--client-certificates'], {}, '--client-certificates requires --lan'],
    ['a contradiction', ['--no-sim', '--devices', '5'], {}, '--devices cannot be combined with --no-sim'],
    [
      'a flag that npm consumed, but not its number',
      ['5'],
      { npm_config_devices: 'true' },
      'npm start -- --devices 5\n',
    ],
    [
      'flags that npm consumed with a number',
      [],
      { npm_config_devices: '7', npm_config_lesson: 'true' },
      '-- --devices 7 --lesson\n',
    ],
    [
      'a flag that npm consumed without a number',
      [],
      { npm_config_devices: 'true' },
      'npm start -- --devices N\n',
    ],
    ['a negated flag that npm consumed', [], { npm_config_sim: '' }, 'npm start -- --no-sim'],
  ])('rejects %s', (_what, args, env, message) => {
    expect(() => readFlags(args, env)).toThrow(message);
  });

  it('are rejected in one message before packages are installed', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/start.mjs', '--fast'], {
      cwd: REPOSITORY,
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toBe('lamplighter: unknown flag "--fast"\nTo list the flags: npm start -- --help\n');
  });
});

describe('preparation of the repository', () => {
  it.each([
    ['18.20.0', false],
    ['20.18.3', false],
    ['20.19.0', true],
    ['24.1.0', true],
  ])('Node %s is supported: %s', (version, isSupported) => {
    if (isSupported) requireSupportedNode(version);
    else
      expect(() => requireSupportedNode(version)).toThrow(`requires Node 20.19 or newer, found ${version}`);
  });

  it('installs packages if none is installed, one is missing or one has another version', () => {
    const root = temporaryFolder();
    const lock = (version: string) =>
      JSON.stringify({
        packages: {
          '': {},
          'node_modules/lamp': { version },
          'node_modules/mac': { version, optional: true },
        },
      });
    writeFileSync(join(root, 'package-lock.json'), lock('1.0.0'));
    expect(whyInstall(root)).toBe('none are installed');
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules/.package-lock.json'), lock('1.0.0'));
    expect(whyInstall(root)).toBe('lamp is missing');
    mkdirSync(join(root, 'node_modules/lamp'));
    expect(whyInstall(root)).toBeUndefined();
    writeFileSync(join(root, 'package-lock.json'), lock('1.1.0'));
    expect(whyInstall(root)).toBe('lamp is 1.0.0 instead of 1.1.0');
  });

  it('installs the compiler even with NODE_ENV=production, and stops npm when it is stopped itself', async () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'scripts'));
    cpSync(join(REPOSITORY, 'scripts/prepare.mjs'), join(root, 'scripts/prepare.mjs'));
    writeFileSync(join(root, 'package-lock.json'), '{}');
    const [called, npm] = [join(root, 'called'), join(root, 'npm.js')];
    writeFileSync(
      npm,
      `require('node:fs').writeFileSync(${JSON.stringify(called)}, process.pid + ' ' + process.argv.slice(2).join(' '));
       setInterval(() => {}, 1000);`,
    );
    const env = { ...process.env, NODE_ENV: 'production', npm_execpath: npm };
    const code = "import('./scripts/prepare.mjs').then(({ prepare }) => prepare(() => {}))";
    const preparing = spawn(process.execPath, ['-e', code], { cwd: root, env, stdio: 'ignore' });
    closeLater('preparing', () => preparing.kill('SIGKILL'));
    const words = () => (existsSync(called) ? readFileSync(called, 'utf8').split(' ') : []);
    await until(() => words().length > 1, { what: 'npm to be called' });
    expect(words().slice(1, 4)).toEqual(['ci', '--ignore-scripts', '--include=dev']);
    const ended = new Promise((resolve) => preparing.once('exit', (_code, signal) => resolve(signal)));
    preparing.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
    expect(() => process.kill(Number(words()[0]), 0)).toThrow('ESRCH');
  }, 20_000);

  it('finds nothing to install in this repository', () => {
    expect(whyInstall()).toBeUndefined();
  });
});
