// The flags of `npm start`, checked before anything is installed.
import { isIP } from 'node:net';
import { UserError } from './prepare.mjs';

export const HELP = `npm start                    start an instance on this machine; Ctrl-C stops it
npm start -- --devices 500   number of simulated lamps (default 50, at most 100000)
npm start -- --no-sim        no simulated lamps
npm start -- --lesson        allow clients without a password on <id>/telemetry, <id>/commands and the topics of <id>'s devices
npm start -- --lan           also admit devices on the network, with TLS; --lan=ADDRESS if this machine has several addresses
npm start -- --lan --client-certificates   they need a certificate of their own: npm run certificates
npm start -- --reset         delete all data and secrets of earlier starts first
npm run key                  create another API key of the running instance
npm run fleet -- add plant   create a broker account for the devices of a new fleet
npm run watch                show live metrics of the running instance

Variables: MQTT_PORT (1883), MQTT_TLS_PORT (8883), MQTT_SERVICES_PORT (1884), API_PORT (8080), PROMETHEUS_PORT (9090), REDIS_PORT (16379),
RULES_PORT (8081), SIM_PORT (8082),
LAMPLIGHTER_STATE (.lamplighter, the folder of data, secrets and logs). A second instance needs other ports and another
folder. Variables of the services, such as SEED, DAY_SECONDS, RULES_FILE and LOG_LEVEL, are passed on.`;

const MOST_DEVICES = 100_000;

/**
 * @typedef {{ devices?: number, sim: boolean, lesson: boolean, lan?: string, clientCertificates: boolean, reset: boolean, help: boolean }} Flags
 * `lan` is the address, or empty if the only one is meant
 */

/**
 * Reads the flags.
 * @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Flags} @throws UserError with all problems
 */
export function readFlags(args, env) {
  const flags = /** @type {Flags} */ ({
    sim: true,
    lesson: false,
    clientCertificates: false,
    reset: false,
    help: false,
  });
  const problems = flagsTakenByNpm(args, env);
  const rest = args.flatMap((arg) => (arg.startsWith('--devices=') ? arg.split('=') : [arg]));
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--no-sim') flags.sim = false;
    else if (arg === '--lesson') flags.lesson = true;
    else if (arg === '--lan') flags.lan = '';
    else if (arg.startsWith('--lan=')) {
      flags.lan = arg.slice('--lan='.length);
      if (isIP(flags.lan) !== 4) problems.push(`--lan requires an IPv4 address, not "${flags.lan}"`);
    } else if (arg === '--client-certificates') flags.clientCertificates = true;
    else if (arg === '--reset') flags.reset = true;
    else if (arg === '--help' || arg === '-h') flags.help = true;
    else if (arg === '--devices') {
      const value = rest[0]?.startsWith('-') ? undefined : rest.shift();
      flags.devices = Number(value ?? Number.NaN);
      if (!/^\d+$/.test(value ?? '') || flags.devices < 1 || flags.devices > MOST_DEVICES) {
        problems.push(
          `--devices requires a whole number from 1 to ${MOST_DEVICES}${value === undefined ? '' : `, not "${value}"`}`,
        );
      }
    } else if (problems.length === 0 || arg.startsWith('-'))
      problems.push(`${arg.startsWith('-') ? 'unknown flag' : 'unexpected argument'} "${arg}"`);
  }
  if (!flags.sim && flags.devices !== undefined) problems.push('--devices cannot be combined with --no-sim');
  if (flags.clientCertificates && flags.lan === undefined)
    problems.push('--client-certificates requires --lan: only the TLS listener checks certificates');
  if (problems.length > 0) {
    throw new UserError(`${problems.join('\n  ')}\nTo list the flags: npm start -- --help`);
  }
  return flags;
}

/** `npm start --lesson`, without `--`, passes the flag to npm, which stores it in a variable. @param {string[]} args @param {NodeJS.ProcessEnv} env */
function flagsTakenByNpm(args, env) {
  const taken = ['devices', 'lesson', 'lan', 'client-certificates', 'reset'].filter(
    (name) => env[`npm_config_${name.replace('-', '_')}`] !== undefined,
  );
  const flags = [...taken, ...(env.npm_config_sim === '' ? ['no-sim'] : [])].map((name) => `--${name}`);
  if (flags.length === 0) return [];
  // `--devices=5` stores the number in the variable; `--devices 5` leaves it in the arguments.
  const number = [env.npm_config_devices, ...args].find((text) => /^\d+$/.test(text ?? '')) ?? 'N';
  const instead = flags.map((flag) => (flag === '--devices' ? `${flag} ${number}` : flag));
  return [`npm took ${flags.join(' and ')}; put flags after two dashes: npm start -- ${instead.join(' ')}`];
}
