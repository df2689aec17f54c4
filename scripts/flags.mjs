// The flags of `npm start`; apart from the rest so that a wrong one is answered before anything is installed.
import { UserError } from './prepare.mjs';

export const HELP = `npm start                    start everything on this machine; Ctrl-C stops it
npm start -- --devices 500   with this many simulated lamps instead of 50 (at most 100000)
npm start -- --no-sim        without simulated lamps
npm start -- --lesson        also let clients without a password use <id>/telemetry, <id>/commands and those of <id>'s devices
npm start -- --reset         forget all data and secrets of earlier starts, then start
npm run key                  make another API key, while it runs
npm run fleet -- add plant   make a broker account for the devices of a new fleet
npm run watch                whether the promises are kept, in the terminal, while it runs

Variables: MQTT_PORT (1883), MQTT_SERVICES_PORT (1884), API_PORT (8080), PROMETHEUS_PORT (9090), REDIS_PORT (16379), RULES_PORT (8081), SIM_PORT (8082),
LAMPLIGHTER_STATE (.lamplighter, the folder of data, secrets and logs). With other ports and another folder a second
instance runs alongside the first. Variables of the services, such as SEED, DAY_SECONDS, RULES_FILE and LOG_LEVEL, are passed on.`;

const MOST_DEVICES = 100_000;

/**
 * @typedef {{ devices?: number, sim: boolean, lesson: boolean, reset: boolean, help: boolean }} Flags
 */

/**
 * Reads the flags; all mistakes are told at once.
 * @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Flags} @throws UserError
 */
export function readFlags(args, env) {
  const flags = /** @type {Flags} */ ({ sim: true, lesson: false, reset: false, help: false });
  const mistakes = swallowedByNpm(args, env);
  const rest = args.flatMap((arg) => (arg.startsWith('--devices=') ? arg.split('=') : [arg]));
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--no-sim') flags.sim = false;
    else if (arg === '--lesson') flags.lesson = true;
    else if (arg === '--reset') flags.reset = true;
    else if (arg === '--help' || arg === '-h') flags.help = true;
    else if (arg === '--devices') {
      const value = rest[0]?.startsWith('-') ? undefined : rest.shift();
      flags.devices = Number(value ?? Number.NaN);
      if (!/^\d+$/.test(value ?? '') || flags.devices < 1 || flags.devices > MOST_DEVICES) {
        mistakes.push(
          `--devices needs a whole number from 1 to ${MOST_DEVICES}${value === undefined ? '' : `, not "${value}"`}`,
        );
      }
    } else if (mistakes.length === 0 || arg.startsWith('-')) mistakes.push(`there is no flag "${arg}"`);
  }
  if (!flags.sim && flags.devices !== undefined)
    mistakes.push('--devices and --no-sim contradict each other');
  if (mistakes.length > 0) {
    throw new UserError(`${mistakes.join('\n  ')}\nnpm start -- --help lists the flags.`);
  }
  return flags;
}

/** `npm start --lesson`, without the `--` in between, gives the flag to npm, which leaves it in a variable. @param {string[]} args @param {NodeJS.ProcessEnv} env */
function swallowedByNpm(args, env) {
  const taken = ['devices', 'lesson', 'reset'].filter((name) => env[`npm_config_${name}`] !== undefined);
  const flags = [...taken, ...(env.npm_config_sim === '' ? ['no-sim'] : [])].map((name) => `--${name}`);
  if (flags.length === 0) return [];
  // `--devices=5` leaves the number in the variable, `--devices 5` among our arguments.
  const number = [env.npm_config_devices, ...args].find((text) => /^\d+$/.test(text ?? '')) ?? 'N';
  const instead = flags.map((flag) => (flag === '--devices' ? `${flag} ${number}` : flag));
  return [
    `npm kept ${flags.join(' and ')} for itself; flags go behind two dashes: npm start -- ${instead.join(' ')}`,
  ];
}
