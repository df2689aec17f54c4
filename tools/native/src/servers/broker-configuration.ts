import { join } from 'node:path';
import { REPOSITORY } from '../state/repository.js';
import type { BrokerLimits } from './broker-limits.js';

export interface BrokerConfiguration {
  /** Port of the device listener. */
  readonly port: number;
  readonly servicesPort: number;
  /** Allow anonymous clients at the device listener. */
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
  lesson,
  limits,
  files,
}: BrokerConfiguration): string {
  return `# Generated at each start; change mosquitto/ in the repository instead.
# Each listener has its own accounts: the accounts of services are refused at the device listener, and anonymous clients at the services' one.
per_listener_settings true

# Devices. Not a \`listener\`, which loses its max_connections on SIGHUP (2.0.11 to 2.0.22).
port ${port}
bind_address 127.0.0.1
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
