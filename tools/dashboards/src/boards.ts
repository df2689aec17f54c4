import type { Board } from './board.js';
import { brokerAndRedis } from './boards/broker-and-redis.js';
import { commands } from './boards/commands.js';
import { overview } from './boards/overview.js';
import { processes } from './boards/processes.js';
import { rules } from './boards/rules.js';
import { telemetry } from './boards/telemetry.js';

/** All dashboards, in the order of their numbers. */
export const BOARDS: readonly Board[] = [overview, telemetry, commands, rules, brokerAndRedis, processes];
