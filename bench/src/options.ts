import { parseArgs } from 'node:util';
import { PRODUCT } from './results/goals.js';
import { SCENARIOS, type Scenario } from './results/sample.js';
import { PEERS } from './testbed/peer.js';
import type { Persistence } from './testbed/service.js';
import type { Qos } from './wire/packets.js';

export const SERVICES = [PRODUCT, ...PEERS] as const;
export type ServiceName = (typeof SERVICES)[number];

/** What to measure. */
export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly services: readonly ServiceName[];
  readonly qos: readonly Qos[];
  readonly persistence: Persistence;
  readonly quick: boolean;
  readonly waitForCalm: boolean;
  readonly devices: number;
  readonly connections: number;
  /** Overrides of the plan. */
  readonly seconds: number | undefined;
  readonly repeats: number | undefined;
  /** Readings per second that the flood doubles. */
  readonly capacity: number | undefined;
  /** File for the results as JSON. */
  readonly out: string | undefined;
}

/** The command line is invalid; the message contains the usage. */
export class InvalidOptions extends Error {
  override readonly name = 'InvalidOptions';
}

/** Usage was requested; it is the message. */
export class HelpRequested extends Error {
  override readonly name = 'HelpRequested';
}

const COMPARED = 'lamplighter,nest-stock,mqttjs-ioredis,bare-batched-loop';
/** One fewer peer, so that `bench:quick` finishes in time. */
const COMPARED_QUICKLY = 'lamplighter,nest-stock,bare-batched-loop';
const MEASURED = SCENARIOS.join(',');

const USAGE = `Usage: npm run bench -- [options]          everything, on a machine that does nothing else
       npm run bench:quick -- [options]    at most two minutes; fails below the quick limits in bench/src/results/goals.ts
  --only LIST             of ${MEASURED} (all)
  --services LIST         of ${SERVICES.join(',')}
                          (${COMPARED}; bench:quick: ${COMPARED_QUICKLY})
  --qos LIST              of 0,1 (both)
  --persistence off|always   Redis without an append-only file, or with appendfsync always (off)
  --devices N             devices that send (1000)
  --connections N         connections that they share (20)
  --seconds N             length of each trial (default: depends on the scenario)
  --repeats N             repetitions of each trial (default: depends on the scenario)
  --capacity N            readings/s that the flood doubles (default: the measured sustained rate)
  --no-wait               do not wait until the machine is calm, and do not repeat disturbed trials
  --out FILE              write the results to FILE (default: a new file in bench/results; bench:quick writes none)`;

/**
 * Parses the command line.
 * @throws InvalidOptions, HelpRequested
 */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  if (values.help) throw new HelpRequested(USAGE);
  return {
    scenarios: list('only', values.only, SCENARIOS),
    services: list('services', values.services ?? (values.quick ? COMPARED_QUICKLY : COMPARED), SERVICES),
    qos: list('qos', values.qos, ['0', '1']).map((qos) => (qos === '1' ? 1 : 0)),
    persistence: list('persistence', values.persistence, ['off', 'always'])[0]!,
    quick: values.quick,
    waitForCalm: !values['no-wait'],
    devices: wholeNumber('devices', values.devices, 2, 99_999),
    connections: wholeNumber('connections', values.connections, 1, 1000),
    seconds: optionalNumber('seconds', values.seconds, 1, 3600),
    repeats: optionalNumber('repeats', values.repeats, 1, 100),
    capacity: optionalNumber('capacity', values.capacity, 100, 1_000_000),
    out: values.out,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string', default: MEASURED },
        services: { type: 'string' },
        qos: { type: 'string', default: '0,1' },
        persistence: { type: 'string', default: 'off' },
        devices: { type: 'string', default: '1000' },
        connections: { type: 'string', default: '20' },
        seconds: { type: 'string' },
        repeats: { type: 'string' },
        capacity: { type: 'string' },
        'no-wait': { type: 'boolean', default: false },
        out: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new InvalidOptions(`${(error as Error).message}\n${USAGE}`);
  }
}

function list<T extends string>(name: string, text: string, known: readonly T[]): T[] {
  const items = text.split(',');
  const unknown = items.filter((item) => !known.some((each) => each === item));
  if (unknown.length > 0)
    throw new InvalidOptions(`--${name}: unknown ${unknown.join(', ')}; use ${known.join(', ')}\n${USAGE}`);
  return known.filter((each) => items.includes(each));
}

function optionalNumber(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  return text === undefined ? undefined : wholeNumber(name, text, min, max);
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new InvalidOptions(`--${name}: must be a whole number from ${min} to ${max}\n${USAGE}`);
  return value;
}
