import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkFleetName } from '../servers/fleet-names.js';
import { READER, reloadAccounts } from '../servers/mosquitto.js';
import { secretIn } from '../state/secrets.js';
import { CannotStart, readSettings } from '../state/settings.js';
import { FLEET, isInstance, readAccounts, readRunningInstance } from '../state/state.js';

export const FLEET_HELP = `npm run fleet -- list                 list the fleets that have a broker account
npm run fleet -- add plant            create and print an account for the devices of a new fleet
npm run fleet -- add-reader plant     create an account that can only read the fleet's telemetry, state and presence
npm run fleet -- remove plant         remove both accounts and disconnect their clients`;

/** Manages the broker accounts of fleets, whether the instance is running or not. Returns the exit code. */
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
  if (!isInstance(folder)) throw new CannotStart(`no instance in ${folder}; start one first: npm start`);
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
    if (instance !== undefined)
      await reloadAccounts(join(folder, 'mosquitto'), instance.ports, readAccounts(secrets));
    return instance === undefined
      ? 'It can connect once the broker is running: npm start'
      : 'The broker accepts it.';
  };
  const known = fleets().includes(name);
  if (action === 'remove') {
    if (name === FLEET) throw new CannotStart(`cannot remove ${FLEET}: the simulator uses its account`);
    if (!known) throw new CannotStart(`unknown fleet "${name}"; list the fleets: npm run fleet -- list`);
    for (const account of [name, `${name}${READER}`]) rmSync(fileOf(account), { force: true });
    await reload();
    return [
      `Removed the accounts of ${name} and disconnected its clients.`,
      `Its devices, readings, rules and commands remain; to delete them: DELETE /v1/fleets/${name}.`,
    ];
  }
  if (action === 'add-reader' && !known)
    throw new CannotStart(`unknown fleet "${name}"; add it first: npm run fleet -- add ${name}`);
  const account = action === 'add' ? name : `${name}${READER}`;
  const isNew = !existsSync(fileOf(account));
  const password = secretIn(fileOf(account));
  const note = isNew ? await reload() : 'It already existed.';
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
