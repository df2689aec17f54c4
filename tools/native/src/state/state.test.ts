import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ports, readSettings } from './settings.js';
import { boundLog, lockState, openState, readRunningInstance } from './state.js';

const { ports } = readSettings({});
const root = mkdtempSync(join(tmpdir(), 'lamplighter-state-'));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'x-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

it('keeps secrets across starts, until a reset', () => {
  const first = openState(folder, ports);
  expect(Object.keys(first.accounts).sort()).toEqual(['demo', 'rules']);
  expect(openState(folder, ports)).toMatchObject({
    accounts: first.accounts,
    redisAccounts: first.redisAccounts,
  });
  const { redisAccounts } = first;
  const data = join(folder, 'redis', 'data');
  mkdirSync(data, { recursive: true });
  const after = openState(folder, ports, true);
  expect(existsSync(data)).toBe(false);
  expect(after.redisAccounts).not.toEqual(redisAccounts);
});

it('refuses a secret that is easy to guess, and names its file', () => {
  openState(folder, ports);
  const file = join(folder, 'secrets', 'mqtt-greenhouse');
  writeFileSync(file, 'tomato\n');
  expect(() => openState(folder, ports).accounts).toThrow(
    `the secret in ${file} is shorter than 16 characters; remove the file, and the next start will generate a new one`,
  );
});

it('makes a secret readable only by its owner', () => {
  openState(folder, ports);
  const file = join(folder, 'secrets', 'redis');
  chmodSync(file, 0o644);
  openState(folder, ports);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('reads the account of a fleet from its password file', () => {
  openState(folder, ports);
  writeFileSync(join(folder, 'secrets', 'mqtt-greenhouse'), 'tomato-K7Qp2ZxW9rTb\n');
  expect(openState(folder, ports).accounts.greenhouse).toBe('tomato-K7Qp2ZxW9rTb');
});

it('rejects a folder with other files', () => {
  writeFileSync(join(folder, 'thesis.txt'), 'years of work');
  expect(() => lockState(folder)).toThrow('is not empty and not a state folder');
  expect(existsSync(join(folder, 'thesis.txt'))).toBe(true);
});

it('leaves a state folder if a reset is interrupted', () => {
  openState(folder, ports);
  const interrupted = {
    toJSON() {
      throw new Error('interrupted');
    },
  } as unknown as Ports;
  expect(() => openState(folder, interrupted, true)).toThrow('interrupted');
  expect(readdirSync(folder)).toEqual(['instance.json']);
});

it('rejects a path that is not a folder', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => lockState(file)).toThrow(`${file} is not a folder; choose another: LAMPLIGHTER_STATE=path`);
});

it('locks the folder for one running instance, until that ends', async () => {
  openState(folder, ports);
  expect(readRunningInstance(folder)).toBeUndefined();
  const script = join(root, 'start.mjs');
  writeFileSync(script, 'setInterval(() => {}, 1000)');
  const other = spawn(process.execPath, [script], { stdio: 'ignore' });
  await new Promise((resolve) => other.once('spawn', resolve));
  writeFileSync(join(folder, 'lock'), `${other.pid}\n`);
  expect(() => lockState(folder)).toThrow(`${folder} is in use by process ${other.pid}`);
  expect(readRunningInstance(folder)?.ports).toEqual(ports);
  rmSync(join(folder, 'instance.json'));
  expect(readRunningInstance(folder)).toBeUndefined(); // its first start is still installing programs
  openState(folder, ports);
  other.kill('SIGKILL');
  await new Promise((resolve) => other.once('exit', resolve));
  lockState(folder)();
});

it('treats a lock with the process id of another program as stale', () => {
  writeFileSync(join(folder, 'lock'), `${process.ppid}\n`);
  lockState(folder)();
});

it('rotates the log of the last start, and a log that grows too large', () => {
  const state = openState(folder, ports);
  const file = state.logFile('rules');
  writeFileSync(file, 'old');
  expect(state.logFile('rules')).toBe(file);
  expect(readFileSync(`${file}.1`, 'utf8')).toBe('old');
  writeFileSync(file, 'new');
  boundLog(file);
  expect(statSync(file).size).toBe(3);
  truncateSync(file, 30_000_000);
  boundLog(file);
  expect([statSync(file).size, statSync(`${file}.1`).size]).toEqual([0, 30_000_000]);
  rmSync(join(folder, 'logs'), { recursive: true });
  boundLog(file); // a removed log is not an error
});
