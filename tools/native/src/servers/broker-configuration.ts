import { join } from 'node:path';
import { filesIn } from '@lamplighter/certificates/authority/files';
import { REPOSITORY } from '../state/repository.js';
import type { BrokerLimits } from './broker-limits.js';

/** The TLS listener for devices on the network. */
export interface NetworkListener {
  /** Address of this machine on which it listens. */
  readonly address: string;
  readonly port: number;
  /** Folder of the certificates. */
  readonly certificates: string;
  /** Devices need a client certificate, whose common name is their account, instead of a password. */
  readonly clientCertificates: boolean;
}

export interface BrokerConfiguration {
  /** Port of the device listener on loopback. */
  readonly port: number;
  readonly servicesPort: number;
  /** Absent: all devices are on this machine. */
  readonly network?: NetworkListener | undefined;
  /** Allow anonymous clients at the device listener on loopback. */
  readonly lesson: boolean;
  readonly limits: BrokerLimits;
  readonly files: {
    /** Password hashes of the accounts of the device listener, and of the services' listener. */
    readonly passwords: string;
    readonly servicePasswords: string;
    readonly acl: string;
    readonly servicesAcl: string;
    /** Folder of the database. */
    readonly data: string;
  };
}

/** The text of mosquitto.conf for a native instance, with the limits of mosquitto/conf.d. */
export function brokerConfiguration({
  port,
  servicesPort,
  network,
  lesson,
  limits,
  files,
}: BrokerConfiguration): string {
  return `# Generated at each start; change mosquitto/ in the repository instead.
# Each listener has its own accounts: the accounts of services are refused at the device listener, and anonymous clients at the services' one.
per_listener_settings true

# The first listener is not a \`listener\`, which loses its max_connections on SIGHUP (2.0.11 to 2.0.22).
${
  network === undefined
    ? ''
    : `# Devices on the network.
port ${network.port}
bind_address ${network.address}
max_connections ${limits.maxConnections}
allow_anonymous false
password_file ${files.passwords}
acl_file ${files.acl}
${tlsSettings(network)}
`
}# Devices on this machine.
${network === undefined ? `port ${port}\nbind_address 127.0.0.1` : `listener ${port} 127.0.0.1`}
max_connections ${limits.maxConnections}
allow_anonymous ${lesson}
password_file ${files.passwords}
acl_file ${files.acl}

# The services.
listener ${servicesPort} 127.0.0.1
allow_anonymous false
password_file ${files.servicePasswords}
acl_file ${files.servicesAcl}

persistence_location ${files.data}
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
${process.getuid?.() === 0 ? '# Started by root, whose state folder no other user can read.\nuser root\n' : ''}
include_dir ${join(REPOSITORY, 'mosquitto/conf.d')}
memory_limit ${limits.memoryBytes}
`;
}

/** With a missing or damaged file the broker does not start. */
function tlsSettings({ certificates, clientCertificates }: NetworkListener): string {
  const { authority, broker, brokerKey, revoked } = filesIn(certificates);
  const lines = ['# Or newer.', 'tls_version tlsv1.2', `certfile ${broker}`, `keyfile ${brokerKey}`];
  if (clientCertificates)
    lines.push(
      'require_certificate true',
      `cafile ${authority}`,
      `crlfile ${revoked}`,
      '# The common name is the account.',
      'use_identity_as_username true',
    );
  return `${lines.join('\n')}\n`;
}
