import { execFileSync } from 'node:child_process';

/** `max_packet_size`: what a connection makes the broker reserve before it has logged in, bytes. */
const PACKET_BYTES = 300_000;
/** `memory_limit` of mosquitto/conf.d/limits.conf, bytes. */
const MEMORY_BYTES = 1_073_741_824;
/** What the broker needs beside the packets of unknown clients: sessions, queues, retained messages. Bytes. */
const OWN_BYTES = 128 * 1024 * 1024;
/** `max_connections` of the device listener, unless there are more devices. */
const CONNECTIONS = 3000;
/** Places beyond the known devices: other clients, and connections that the broker has not given up yet. */
const SPARE_CONNECTIONS = 1000;
/** Files of the broker that are no devices: the services' connections, its listeners, log and database. */
const OWN_FILES = 100;

export interface BrokerLimits {
  /** `max_connections` of the device listener. */
  readonly maxConnections: number;
  /** `memory_limit`, bytes: the broker refuses what exceeds it. */
  readonly memoryBytes: number;
  /**
   * Files that the broker may open. A second bound on connections, and the only one that holds on Mosquitto 2.0.11, which takes each
   * connection that ends off its count twice (2.0.21 does not). Beyond it the services cannot connect either; those that are stay.
   */
  readonly openFiles: number;
}

/**
 * Limits that unknown clients cannot exhaust: all connections together can neither reserve the memory nor open the files that the
 * services' connections and the devices that are connected need.
 */
export function brokerLimits(devices: number, openFiles: number): BrokerLimits {
  const wanted = Math.max(CONNECTIONS, devices + SPARE_CONNECTIONS);
  const maxConnections = Math.max(1, Math.min(wanted, openFiles - OWN_FILES));
  const files = Math.min(openFiles, maxConnections + OWN_FILES);
  return {
    maxConnections,
    memoryBytes: Math.max(MEMORY_BYTES, files * PACKET_BYTES + OWN_BYTES),
    openFiles: files,
  };
}

/** How many files a process that we start may open. Node raises its own limit to the hard one when it starts, and passes it on. */
export function openFilesLimit(): number {
  const limit = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit);
}
