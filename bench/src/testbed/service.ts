/** What a service has done with readings since its start. */
export interface Counts {
  /** Readings stored in Redis. */
  readonly stored: number;
  /** Readings that the service dropped or rejected, and counted. */
  readonly dropped: number;
}

/** A service under test: a process and its counters. */
export interface Service {
  readonly pid: number;
  /** False once the process has ended unexpectedly. */
  readonly alive: boolean;
  /** Undefined if the service stores nothing. */
  counts(): Promise<Counts | undefined>;
  /** `_seq` of the last state in Redis, by device; undefined if the service stores nothing. */
  lastSeqs(fleet: string, devices: number): Promise<number[] | undefined>;
  stop(): Promise<void>;
}

/** Redis persistence: none, or `appendfsync always` as the product requires in production. */
export type Persistence = 'off' | 'always';

/** Where a service finds its servers and writes its log. */
export interface Environment {
  readonly mqttUrl: string;
  readonly redisUrl: string;
  readonly fleet: string;
  readonly qos: 0 | 1;
  readonly folder: string;
  readonly persistence: Persistence;
}

export type StartService = (environment: Environment) => Promise<Service>;
