import { randomBytes } from 'node:crypto';
import type { NetworkListener } from '@lamplighter/native/servers/broker-configuration';
import type { BrokerLimits } from '@lamplighter/native/servers/broker-limits';
import { deviceAccountsFile, READER, startMosquitto } from '@lamplighter/native/servers/mosquitto';
import { generateSecret } from '@lamplighter/native/state/secrets';
import { temporaryFolder } from '../folder.js';
import { freePort } from './free-port.js';
import { type Restartable, restartable } from './restartable.js';

/** A fleet with its own account at the broker. */
export interface TestFleet {
  readonly name: string;
  readonly url: string;
}

/** A real Mosquitto with the project's ACL and limits. */
export interface TestBroker extends Restartable {
  /** URL without credentials. */
  readonly url: string;
  /** URL with the account of the rules service, at the services' listener. */
  readonly rulesUrl: string;
  /** Where the broker finds the accounts of devices (DEVICE_ACCOUNTS_FILE of the api). */
  readonly deviceAccountsFile: string;
  /** URL with the account of a fleet: `demo`, or an added one. */
  fleetUrl(fleet: string): string;
  /** URL of the TLS listener, with the account of a fleet. */
  networkUrl(fleet: string): string;
  /** Adds a fleet, by default with a unique name; resolves when its account can connect. */
  newFleet(name?: string): Promise<TestFleet>;
  /** Adds several fleets at once. */
  newFleets(count: number): Promise<TestFleet[]>;
  /** Adds the read-only account of a fleet; returns its URL. */
  newReader(fleet: string): Promise<string>;
}

const fleetName = () => `t-${randomBytes(5).toString('hex')}`;

/** Starts a broker for this test (or this file) with the accounts `rules` and `demo`. */
export async function startBroker(
  options: { lesson?: boolean; limits?: BrokerLimits; network?: Omit<NetworkListener, 'port'> } = {},
): Promise<TestBroker> {
  const accounts: Record<string, string> = { rules: generateSecret(), demo: generateSecret() };
  const folder = temporaryFolder();
  const [port, servicesPort, networkPort] = [await freePort(), await freePort(), await freePort()];
  const network = options.network && { ...options.network, port: networkPort };
  const broker = await restartable(() =>
    startMosquitto({ folder, port, servicesPort, accounts, ...options, network }),
  );
  const urlFor = (user: string) => broker.server().urlFor(user);
  const addFleets = async (names: string[]) => {
    const more = Object.fromEntries(names.map((name) => [name, generateSecret()]));
    Object.assign(accounts, more);
    await broker.server().addAccounts(more);
    return names.map((name) => ({ name, url: urlFor(name) }));
  };
  return Object.assign(broker, {
    url: broker.server().url,
    rulesUrl: urlFor('rules'),
    deviceAccountsFile: deviceAccountsFile(folder),
    fleetUrl: urlFor,
    networkUrl(fleet: string) {
      const url = new URL(urlFor(fleet));
      url.protocol = 'mqtts:';
      url.host = `${options.network?.address}:${networkPort}`;
      return url.href;
    },
    async newFleet(name = fleetName()) {
      const [fleet] = await addFleets([name]);
      return fleet!;
    },
    newFleets: (count: number) => addFleets(Array.from({ length: count }, fleetName)),
    async newReader(fleet: string) {
      const account = `${fleet}${READER}`;
      accounts[account] ??= generateSecret();
      await broker.server().addAccounts({ [account]: accounts[account] });
      return urlFor(account);
    },
  });
}
