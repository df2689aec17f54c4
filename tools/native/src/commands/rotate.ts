import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ServerFailed } from '../process/serving.js';
import { reloadAccounts } from '../servers/mosquitto.js';
import { rotateRedisAccounts } from '../servers/redis-rotation.js';
import { type RedisAccounts, redisUrl } from '../state/redis-accounts.js';
import { generateSecret, writePrivate } from '../state/secrets.js';
import { CannotStart, type Ports, readSettings } from '../state/settings.js';
import { isInstance, readAccounts, readRedisAccounts, readRunningInstance } from '../state/state.js';
import { hasCertificates, renewCertificatesOf } from './certificates.js';

export const ROTATE_HELP = `npm run rotate    replace the passwords of the services at Redis and the broker. A running instance takes them over without a restart;
                  connections that use an earlier password are closed. Passwords of fleets and API keys stay. After --lan, the broker's certificate is
                  renewed as well`;

/** Replaces the passwords of the services. Returns the exit code. */
export async function rotate(): Promise<number> {
  try {
    const { folder } = readSettings(process.env);
    if (!isInstance(folder)) throw new CannotStart(`no instance in ${folder}; start one first: npm start`);
    const secrets = join(folder, 'secrets');
    const instance = readRunningInstance(folder);
    if (instance === undefined) {
      if (hasCertificates(folder)) console.log(await renewCertificatesOf(folder));
      for (const name of ['redis', 'redis-rules', 'redis-api', 'mqtt-rules'])
        rmSync(join(secrets, name), { force: true });
      console.log('The next start creates new passwords.');
      return 0;
    }
    await rotateRedis(folder, secrets, instance.ports);
    console.log('Redis: rules, api and admin have new passwords; the earlier ones are refused.');
    await rotateBroker(folder, secrets, instance.ports);
    console.log('Broker: rules has a new password; the earlier one is refused.');
    if (hasCertificates(folder)) console.log(await renewCertificatesOf(folder));
    return 0;
  } catch (error) {
    if (!(error instanceof CannotStart || error instanceof ServerFailed)) throw error;
    console.error(`lamplighter: ${error.message}`);
    return 1;
  }
}

async function rotateRedis(folder: string, secrets: string, { REDIS_PORT: port }: Ports): Promise<void> {
  const before = readRedisAccounts(secrets);
  const after: RedisAccounts = { admin: generateSecret(), rules: generateSecret(), api: generateSecret() };
  await rotateRedisAccounts({
    folder: join(folder, 'redis'),
    port,
    before,
    after,
    // A Redis that restarts in between reads the files of the accounts; the services read theirs every second.
    announce: () => {
      writePrivate(join(secrets, 'redis'), `${after.admin}\n`);
      for (const account of ['rules', 'api'] as const) {
        writePrivate(join(secrets, `redis-${account}`), `${after[account]}\n`);
        writePrivate(join(secrets, `url-redis-${account}`), `${redisUrl(port, account, after[account])}\n`);
      }
    },
  });
}

/** The broker disconnects rules, which connects again with the new password. */
async function rotateBroker(folder: string, secrets: string, ports: Ports): Promise<void> {
  const password = generateSecret();
  writePrivate(join(secrets, 'mqtt-rules'), `${password}\n`);
  writePrivate(join(secrets, 'url-mqtt'), `mqtt://rules:${password}@127.0.0.1:${ports.MQTT_SERVICES_PORT}\n`);
  await reloadAccounts(join(folder, 'mosquitto'), ports, readAccounts(secrets));
}
