import { parseArgs } from 'node:util';
import type { Durability } from './bed/service.js';
import type { Qos } from './wire/packets.js';

export const SCENARIOS = ['sustained', 'cpu', 'latency', 'flood'] as const;
export type Scenario = (typeof SCENARIOS)[number];
export const SERVICES = ['reference', 'lamplighter', 'ceiling'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** What to measure, from the command line. */
export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly services: readonly ServiceName[];
  readonly qos: readonly Qos[];
  readonly durability: Durability;
  readonly quick: boolean;
  readonly devices: number;
  readonly connections: number;
  /** Instead of searching for it: readings per second that the flood doubles. */
  readonly capacity: number | undefined;
}

/** The command line asks for something that does not exist; the message has the usage. */
export class UnknownOption extends Error {
  override readonly name = 'UnknownOption';
}

/** The command line asks how it is used; the message says it. */
export class HelpWanted extends Error {
  override readonly name = 'HelpWanted';
}

const USAGE = `Usage: npm run bench -- [options]
  --quick                 shorter trials and fewer of them: for a look, not for a verdict
  --only LIST             of ${SCENARIOS.join(',')} (all)
  --services LIST         of ${SERVICES.join(',')} (reference,lamplighter)
  --qos LIST              of 0,1 (both)
  --durability require|warn   Redis with appendfsync always, or without an append-only file (require)
  --devices N             devices that send (2000)
  --connections N         connections that they share (40)
  --capacity N            readings/s that the flood doubles, instead of searching for it`;

/**
 * Reads the command line.
 * @throws UnknownOption, HelpWanted
 */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  if (values.help) throw new HelpWanted(USAGE);
  return {
    scenarios: list('only', values.only, SCENARIOS),
    services: list('services', values.services, SERVICES),
    qos: list('qos', values.qos, ['0', '1']).map((qos) => (qos === '1' ? 1 : 0)),
    durability: list('durability', values.durability, ['require', 'warn'])[0]!,
    quick: values.quick,
    devices: wholeNumber('devices', values.devices, 2, 99_999),
    connections: wholeNumber('connections', values.connections, 1, 1000),
    capacity:
      values.capacity === undefined ? undefined : wholeNumber('capacity', values.capacity, 100, 1_000_000),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string', default: SCENARIOS.join(',') },
        services: { type: 'string', default: 'reference,lamplighter' },
        qos: { type: 'string', default: '0,1' },
        durability: { type: 'string', default: 'require' },
        devices: { type: 'string', default: '2000' },
        connections: { type: 'string', default: '40' },
        capacity: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UnknownOption(`${(error as Error).message}\n${USAGE}`);
  }
}

function list<T extends string>(name: string, text: string, known: readonly T[]): T[] {
  const wanted = text.split(',');
  const strange = wanted.filter((item) => !known.some((each) => each === item));
  if (strange.length > 0)
    throw new UnknownOption(`--${name}: ${strange.join(', ')} is none of ${known.join(', ')}\n${USAGE}`);
  return known.filter((each) => wanted.includes(each));
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new UnknownOption(`--${name}: must be a whole number from ${min} to ${max}\n${USAGE}`);
  return value;
}
