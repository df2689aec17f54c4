import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { mqttUrl, port, readConfig, redisUrl, serviceVariables } from './config.js';

const schema = z.object({ ...serviceVariables, MQTT_URL: mqttUrl, REDIS_URL: redisUrl, PORT: port(8081) });
const valid = {
  MQTT_URL: 'mqtt://rules:k7Qp2ZxW9rTb4LsVd@broker:1883',
  REDIS_URL: 'redis://rules:k7Qp2ZxW9rTb4LsVd@redis:6379',
};
const problemOf = (env: NodeJS.ProcessEnv): string => {
  try {
    readConfig(schema, env);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

it.each([['mqtt://127.0.0.1'], ['mqtts://[::1]:8883'], ['mqtt://rules:k7Qp2ZxW9%25rTb4LsVd@broker']])(
  'accepts %s as the URL of a broker',
  (MQTT_URL) => {
    expect(readConfig(schema, { ...valid, MQTT_URL })).toMatchObject({ MQTT_URL });
  },
);

it.each([
  ['broker:1883'],
  ['http://broker'],
  ['mqtt://'],
  ['mqtt:broker'],
  ['mqtt:///broker'],
  ['mqtt://broker:99999'],
  ['mqtt://rules:100%@broker'],
])('rejects %s without showing its value', (MQTT_URL) => {
  const problems = problemOf({ ...valid, MQTT_URL });
  expect(problems).toMatch(/^invalid configuration\n {2}MQTT_URL: must be a URL such as mqtt:.*as %25$/);
  expect(problems).not.toContain('100%@');
});

it('lists each problem once', () => {
  expect(problemOf({ MQTT_URL_FILE: '/nowhere', PORT: '70000', LOG_LEVEL: ' ' })).toBe(
    `invalid configuration
  MQTT_URL_FILE: cannot be read (ENOENT)
  REDIS_URL: is not set
  PORT: must be at most 65535`,
  );
});

it('reads values from files, and treats an empty variable as unset', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-config-'));
  const REDIS_URL_FILE = join(folder, 'redis-url');
  writeFileSync(REDIS_URL_FILE, `${valid.REDIS_URL}\n`);
  const config = readConfig(schema, { MQTT_URL: valid.MQTT_URL, REDIS_URL: '', REDIS_URL_FILE, PORT: '' });
  rmSync(folder, { recursive: true });
  expect(config).toEqual({ ...valid, HOST: '127.0.0.1', LOG_LEVEL: 'info', PORT: 8081 });
});

it.each([
  ['redis://rules:tomato@redis:6379', 'is shorter than 16 characters'],
  ['redis://:passwordpassword1234@redis:6379', 'consists of well-known words'],
])('rejects a URL whose password is easy to guess, without showing it: %s', (REDIS_URL, weakness) => {
  expect(problemOf({ ...valid, REDIS_URL })).toBe(
    `invalid configuration\n  REDIS_URL: its password ${weakness}; use a random one, such as the output of: openssl rand -hex 24`,
  );
});
