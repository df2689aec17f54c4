import { execFileSync } from 'node:child_process';

/** `max_packet_size`: memory that the broker may reserve for a connection before it has logged in, bytes. */
const PACKET_BYTES = 300_000;
/** `memory_limit` of mosquitto/conf.d/limits.conf, bytes. */
const MEMORY_BYTES = 1_073_741_824;
/** Memory of the broker for sessions, queues and retained messages, bytes. */
const OWN_BYTES = 128 * 1024 * 1024;
/** `max_connections` of the device listener, unless more devices are configured. */
const CONNECTIONS = 3000;
/** Connections for other clients, and for lost connections that the broker has not closed yet. */
const SPARE_CONNECTIONS = 1000;
/** Open files of the broker other than device connections: the services' connections, listeners, log and database. */
const OWN_FILES = 100;

export interface BrokerLimits {
  /** `max_connections` of the device listener. */
  readonly maxConnections: number;
  /** `memory_limit`, bytes: the broker refuses what exceeds it. */
  readonly memoryBytes: number;
  /**
   * Limit of open files of the broker, and so a second limit of connections. The only effective one on Mosquitto 2.0.11, which subtracts
   * each closed connection twice from its count (fixed in 2.0.21). When it is reached, the services cannot connect either, but stay
   * connected.
   */
  readonly openFiles: number;
}

/**
 * Limits that protect the broker from clients that never log in: all connections together can use up neither the memory nor the open files
 * that the services and the connected devices need.
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

/** The limit of open files of child processes: Node raises its own to the hard limit at start, and children inherit it. */
export function openFilesLimit(): number {
  const limit = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit);
}
