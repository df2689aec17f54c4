import { parseArgs } from 'node:util';

/** Options of a run, from the command line. */
export interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly devices: number;
  /** Commands per second over REST. */
  readonly rate: number;
  /** Time between readings of a device, milliseconds. */
  readonly intervalMs: number;
  /** Longest time to settle at the end, seconds. */
  readonly quietSeconds: number;
  /** Folder of the journals; by default a new one. */
  readonly out: string | undefined;
  /** Check the journals of an earlier run instead. */
  readonly check: string | undefined;
}

/** The command line is invalid; the message includes the usage. */
export class InvalidOption extends Error {
  override readonly name = 'InvalidOption';
}

/** The command line requests help; the message is the usage. */
export class HelpRequested extends Error {
  override readonly name = 'HelpRequested';
}

const USAGE = `npm run prove                       inject faults for 3 minutes and print a certificate
npm run prove -- --minutes N        run for N minutes, fractions allowed (3)
npm run prove -- --seed S           repeat the faults and commands of the run with this seed (random)
npm run prove -- --devices D        simulate D devices (50)
npm run prove -- --rate R           send R commands per second over REST (devices / 5)
npm run prove -- --interval MS      take a reading of each device every MS milliseconds (1000)
npm run prove -- --quiet S          wait up to S seconds for everything to settle at the end (180)
npm run prove -- --out FOLDER       write the journals there (.lamplighter/prove/<time>-<seed>)
npm run prove -- --check FOLDER     check the journals of an earlier run again`;

/**
 * Reads the command line.
 * @throws InvalidOption, HelpRequested
 */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  if (values.help) throw new HelpRequested(USAGE);
  const devices = number('devices', values.devices, 1, 5000);
  return {
    minutes: number('minutes', values.minutes, 0.5, 24 * 60, 'number'),
    seed: number('seed', values.seed ?? String(Math.floor(Math.random() * 1_000_000)), 0, 2 ** 31 - 1),
    devices,
    rate: number('rate', values.rate ?? String(Math.max(1, devices / 5)), 0.1, 1000, 'number'),
    intervalMs: number('interval', values.interval, 100, 60_000),
    quietSeconds: number('quiet', values.quiet, 10, 3600),
    out: values.out,
    check: values.check,
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
        check: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new InvalidOption(`${(error as Error).message}\n${USAGE}`);
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
  if (!whole || !(value >= min && value <= max))
    throw invalid(name, `must be a ${kind} from ${min} to ${max}`);
  return value;
}

const invalid = (name: string, what: string) => new InvalidOption(`--${name} ${what}\n${USAGE}`);
