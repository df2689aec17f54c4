/** What a service says it has done with the readings of the bench since its start. */
export interface Counts {
  /** Readings taken into Redis. */
  readonly stored: number;
  /** Readings that the service dropped or refused, and counted. */
  readonly dropped: number;
}

/** A service under test, as the bench sees it: a process and its counters. */
export interface Service {
  readonly pid: number;
  /** False once the process has ended by itself. */
  readonly alive: boolean;
  counts(): Promise<Counts>;
  /** `_seq` of the last state in Redis, by device; undefined if the service keeps none. */
  lastSeqs(fleet: string, devices: number): Promise<number[] | undefined>;
  stop(): Promise<void>;
}

/** Redis as the services want it (`require`: appendfsync always), or without an append-only file (`warn`). */
export type Durability = 'require' | 'warn';

/** Where a service finds its servers, and where it may write. */
export interface Surroundings {
  readonly mqttUrl: string;
  readonly redisUrl: string;
  readonly fleet: string;
  readonly qos: 0 | 1;
  readonly folder: string;
  readonly durability: Durability;
}

export type StartService = (surroundings: Surroundings) => Promise<Service>;
