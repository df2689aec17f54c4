import { parseArgs } from 'node:util';

/** What to prove, from the command line. */
export interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly devices: number;
  /** Commands per second over REST. */
  readonly rate: number;
  /** Time between two readings of a device, milliseconds. */
  readonly intervalMs: number;
  /** Longest quiet time at the end, seconds. */
  readonly quietSeconds: number;
  /** Where the journals go; a folder of its own by default. */
  readonly out: string | undefined;
  /** Judge the journals of an earlier run instead. */
  readonly judge: string | undefined;
}

/** The command line asks for something that does not exist; the message has the usage. */
export class UnknownOption extends Error {
  override readonly name = 'UnknownOption';
}

/** The command line asks how it is used; the message says it. */
export class HelpWanted extends Error {
  override readonly name = 'HelpWanted';
}

const USAGE = `npm run prove                       break everything for 3 minutes, and print what held
npm run prove -- --minutes N        for N minutes; parts of one are fine (3)
npm run prove -- --seed S           the same faults and commands as another run with this seed (drawn)
npm run prove -- --devices D        with D simulated devices (50)
npm run prove -- --rate R           with R commands a second over REST (devices / 5)
npm run prove -- --interval MS      with a reading of each device every MS milliseconds (1000)
npm run prove -- --quiet S          give it at most S seconds to come to rest at the end (180)
npm run prove -- --out FOLDER       write the journals there (.lamplighter/prove/<time>-<seed>)
npm run prove -- --judge FOLDER     judge the journals of an earlier run once more`;

/**
 * Reads the command line.
 * @throws UnknownOption, HelpWanted
 */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  if (values.help) throw new HelpWanted(USAGE);
  const devices = number('devices', values.devices, 1, 5000);
  return {
    minutes: number('minutes', values.minutes, 0.5, 24 * 60, 'number'),
    seed: number('seed', values.seed ?? String(Math.floor(Math.random() * 1_000_000)), 0, 2 ** 31 - 1),
    devices,
    rate: number('rate', values.rate ?? String(Math.max(1, devices / 5)), 0.1, 1000, 'number'),
    intervalMs: number('interval', values.interval, 100, 60_000),
    quietSeconds: number('quiet', values.quiet, 10, 3600),
    out: values.out,
    judge: values.judge,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string', default: '3' },
        seed: { type: 'string' },
        devices: { type: 'string', default: '50' },
        rate: { type: 'string' },
        interval: { type: 'string', default: '1000' },
        quiet: { type: 'string', default: '180' },
        out: { type: 'string' },
        judge: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UnknownOption(`${(error as Error).message}\n${USAGE}`);
  }
}

function number(
  name: string,
  text: string,
  min: number,
  max: number,
  kind: 'whole number' | 'number' = 'whole number',
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const whole = kind === 'number' || Number.isInteger(value);
  if (!whole || !(value >= min && value <= max)) throw wrong(name, `must be a ${kind} from ${min} to ${max}`);
  return value;
}

const wrong = (name: string, what: string) => new UnknownOption(`--${name} ${what}\n${USAGE}`);
