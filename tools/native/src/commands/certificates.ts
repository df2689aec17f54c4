import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { filesIn } from '@lamplighter/certificates/authority/files';
import { clientCertificates } from '@lamplighter/certificates/authority/issued';
import { disconnectAccount } from '../servers/disconnect-account.js';
import { checkFleetName } from '../servers/fleet-names.js';
import { reloadCertificates } from '../servers/mosquitto.js';
import { CannotStart, readSettings } from '../state/settings.js';
import { isInstance, readAccounts, readRunningInstance } from '../state/state.js';

export const CERTIFICATES_HELP = `npm run certificates -- list            list the client certificates
npm run --silent certificates -- issue demo > demo.pem
                                        issue a client certificate for the account demo: certificate and key, shown only once
npm run certificates -- revoke demo     revoke all client certificates of the account demo and disconnect it
npm run certificates -- renew           renew the broker's certificate and the revocation list, as npm run rotate does

Client certificates are required after npm start -- --lan --client-certificates.`;

/** The folder of the certificate authority of an instance. */
export const certificatesFolder = (state: string): string => join(state, 'certificates');

/** Manages certificates, whether the instance is running or not. Returns the exit code. */
export async function certificates(args: readonly string[]): Promise<number> {
  try {
    for (const line of await manage(args)) console.log(line);
    return 0;
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    console.error(`lamplighter: ${error.message}`);
    return 1;
  }
}

async function manage([action = '', account, ...more]: readonly string[]): Promise<string[]> {
  const { folder: state } = readSettings(process.env);
  const folder = certificatesFolder(state);
  if (!isInstance(state) || !hasCertificates(state))
    throw new CannotStart(`no certificates in ${state}; create them first: npm start -- --lan`);
  const usage = new CannotStart(`usage:\n${CERTIFICATES_HELP}`);
  if (more.length > 0) throw usage;
  if (action === 'list' && account === undefined)
    return clientCertificates(folder).map(
      ({ account, expiresAt, revokedAt }) =>
        `${account}  ${revokedAt === undefined ? `valid until ${expiresAt}` : `revoked at ${revokedAt}`}`,
    );
  if (action === 'renew' && account === undefined) return [await renewCertificatesOf(state)];
  if (account === undefined) throw usage;
  const { issueClientCertificate, NoCertificate, revokeClientCertificates } = await import(
    '@lamplighter/certificates/authority/client-certificates'
  );
  if (action === 'issue') {
    checkFleetName(account);
    if (!(account in readAccounts(join(state, 'secrets'))))
      throw new CannotStart(`unknown account "${account}"; add it first: npm run fleet -- add ${account}`);
    return [(await issueClientCertificate(folder, account)).trimEnd()];
  }
  if (action !== 'revoke') throw usage;
  try {
    const count = await revokeClientCertificates(folder, account);
    reloadCertificates(join(state, 'mosquitto'));
    const instance = readRunningInstance(state);
    if (instance !== undefined)
      await disconnectAccount(account, {
        port: instance.ports.MQTT_SERVICES_PORT,
        password: readAccounts(join(state, 'secrets')).rules ?? '',
        logFile: join(state, 'logs', 'mosquitto.log'),
      });
    return [`Revoked ${count} certificate${count === 1 ? '' : 's'} of ${account} and disconnected it.`];
  } catch (error) {
    throw error instanceof NoCertificate ? new CannotStart(error.message) : error;
  }
}

/** Creates or renews what a broker that listens on this address needs. */
export async function renewBrokerCertificate(folder: string, address: string): Promise<void> {
  const { renewCertificates } = await import('@lamplighter/certificates/authority/renew');
  const name = hostname().toLowerCase();
  const names = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name) ? [name, `${name}.local`] : [];
  await renewCertificates(folder, { names: [...new Set(['localhost', '127.0.0.1', address, ...names])] });
}

/** Replaces the broker's certificate and the revocation list, whatever time is left; connections continue. Returns what happened. */
export async function renewCertificatesOf(state: string): Promise<string> {
  const { renewCertificates } = await import('@lamplighter/certificates/authority/renew');
  await renewCertificates(certificatesFolder(state), { now: true });
  const loaded = reloadCertificates(join(state, 'mosquitto'));
  return `Certificates: the broker ${loaded ? 'has' : 'gets at the next start'} a new certificate and revocation list; devices keep ca.crt.`;
}

/** Whether the instance has certificates. */
export const hasCertificates = (state: string): boolean =>
  existsSync(filesIn(certificatesFolder(state)).authority);
