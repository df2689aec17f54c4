import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkFleetName } from '../servers/fleet-names.js';
import { READER, reloadAccounts } from '../servers/mosquitto.js';
import { secretIn } from '../state/secrets.js';
import { CannotStart, readSettings } from '../state/settings.js';
import { FLEET, isInstance, readAccounts, readRunningInstance } from '../state/state.js';

export const FLEET_HELP = `npm run fleet -- list                 the fleets that have an account at the broker
npm run fleet -- add plant            make an account for the devices of a new fleet, and print it
npm run fleet -- add-reader plant     make an account that only reads the fleet's telemetry, state and presence
npm run fleet -- remove plant         remove both accounts; their clients are disconnected`;

/** Accounts of fleets at the broker of the native run, whether it runs or not; gives the exit code. */
export async function fleet(args: readonly string[]): Promise<number> {
  try {
    for (const line of await manage(args)) console.log(line);
    return 0;
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    console.error(`lamplighter: ${error.message}`);
    return 1;
  }
}

async function manage([action = '', name, ...more]: readonly string[]): Promise<string[]> {
  const { folder, ports } = readSettings(process.env);
  if (!isInstance(folder))
    throw new CannotStart(`there is no instance in ${folder} yet; start it first: npm start`);
  const secrets = join(folder, 'secrets');
  const instance = readRunningInstance(folder);
  const port = instance?.ports.MQTT_PORT ?? ports.MQTT_PORT;
  const fileOf = (account: string) => join(secrets, `mqtt-${account}`);
  const fleets = () => Object.keys(readAccounts(secrets)).filter((account) => account !== 'rules');
  if (action === 'list' && name === undefined) return fleets().toSorted();
  if (!['add', 'add-reader', 'remove'].includes(action) || name === undefined || more.length > 0)
    throw new CannotStart(`usage:\n${FLEET_HELP}`);
  checkFleetName(name);

  const reload = async () => {
    if (instance !== undefined) await reloadAccounts(join(folder, 'mosquitto'), port, readAccounts(secrets));
    return instance === undefined
      ? 'It can connect when the broker runs: npm start'
      : 'The broker has taken it.';
  };
  const known = fleets().includes(name);
  if (action === 'remove') {
    if (name === FLEET)
      throw new CannotStart(`${FLEET} is the fleet of the simulator, which needs its account`);
    if (!known)
      throw new CannotStart(`there is no fleet "${name}"; npm run fleet -- list shows those that there are`);
    for (const account of [name, `${name}${READER}`]) rmSync(fileOf(account), { force: true });
    await reload();
    return [
      `The accounts of ${name} are removed, and its clients disconnected.`,
      `Its devices, readings, rules and commands are kept; DELETE /v1/fleets/${name} deletes them.`,
    ];
  }
  if (action === 'add-reader' && !known)
    throw new CannotStart(`there is no fleet "${name}" yet; npm run fleet -- add ${name} makes it`);
  const account = action === 'add' ? name : `${name}${READER}`;
  const isNew = !existsSync(fileOf(account));
  const password = secretIn(fileOf(account));
  const note = isNew ? await reload() : 'It was there already.';
  return [
    `host      127.0.0.1`,
    `port      ${port}`,
    `user      ${account}`,
    `password  ${password}`,
    ...(action === 'add'
      ? [`publish   ${name}/telemetry/<device>`, `subscribe ${name}/commands/<device>`]
      : [`subscribe ${name}/telemetry/#, ${name}/state/#, ${name}/presence/#`]),
    note,
  ];
}
