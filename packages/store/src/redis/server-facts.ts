import type { Redis } from './connect.js';

/** Figures of the Redis server that operators watch. Counters restart at 0 when it restarts. */
export interface ServerFacts {
  readonly usedMemoryBytes: number;
  /** 0: unlimited. */
  readonly maxMemoryBytes: number;
  readonly clients: number;
  readonly commandsProcessed: number;
  readonly uptimeSeconds: number;
  /** False: the last write to the append-only file failed. */
  readonly aofLastWriteOk: boolean;
  /** Size of the append-only file; 0 if there is none. */
  readonly aofBytes: number;
}

/** Reads these figures in one call. */
export async function readServerFacts(redis: Redis): Promise<ServerFacts> {
  const text = await redis.info('server', 'clients', 'memory', 'persistence', 'stats');
  const field = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(text)?.[1];
  const number = (name: string) => Number(field(name) ?? 0);
  return {
    usedMemoryBytes: number('used_memory'),
    maxMemoryBytes: number('maxmemory'),
    clients: number('connected_clients'),
    commandsProcessed: number('total_commands_processed'),
    uptimeSeconds: number('uptime_in_seconds'),
    aofLastWriteOk: field('aof_last_write_status') !== 'err',
    aofBytes: number('aof_current_size'),
  };
}
