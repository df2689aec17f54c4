import { relative } from 'node:path';
import { DEFAULT_FOLDER, type Ports } from '../state/settings.js';
import { FLEET, type State } from '../state/state.js';

/** What to open and what to try, once everything is ready. */
export function guide(options: {
  ports: Ports;
  state: State;
  firstKey: string | undefined;
  sim: boolean;
  lesson: boolean;
  /** The folder in which the person stands. */
  from: string;
}): string {
  const { ports, state, firstKey } = options;
  const path = (file: string) => {
    const short = relative(options.from, file);
    const path = short.startsWith('..') ? file : short || '.';
    return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  };
  const api = `http://127.0.0.1:${ports.API_PORT}`;
  const device = options.sim ? 'lamp-0001' : 'my-lamp';
  const bearer = '-H "Authorization: Bearer $KEY"';
  const account = `-p ${ports.MQTT_PORT} -u ${FLEET} -P "$(cat ${path(state.secretFile(`mqtt-${FLEET}`))})"`;
  // Another terminal knows nothing of a folder that was chosen here.
  const npm = state.folder === DEFAULT_FOLDER ? 'npm' : `LAMPLIGHTER_STATE=${path(state.folder)} npm`;
  const key = firstKey ?? `$(${npm} run --silent key)`;
  const mqttHost = `-h 127.0.0.1 ${account}`;
  return `
  API          ${api}/docs
  Prometheus   http://127.0.0.1:${ports.PROMETHEUS_PORT}
  Broker       mqtt://127.0.0.1:${ports.MQTT_PORT}, user ${FLEET}, password in ${path(state.secretFile(`mqtt-${FLEET}`))}
  Logs         ${path(`${state.folder}/logs`)}
  Numbers      ${npm} run watch, in another terminal: whether the promises are kept
  API key      ${
    firstKey ? `${firstKey}   (shown only now)` : 'was shown at the first start'
  }; another one: ${npm} run key
${
  options.lesson
    ? `  Lesson       host 127.0.0.1, port ${ports.MQTT_PORT}, no password: publish to <id>/telemetry, listen to <id>/commands; see docs/lesson.md\n`
    : ''
}
Three things to try in another terminal:

  1. Be a device: report daylight, then darkness, and see what it is told (for four seconds).
     mosquitto_sub ${mqttHost} -t '${FLEET}/commands/my-lamp' -W 4 &
     sleep 1
     mosquitto_pub ${mqttHost} -t '${FLEET}/telemetry/my-lamp' -m '{"light":900}'
     mosquitto_pub ${mqttHost} -t '${FLEET}/telemetry/my-lamp' -m '{"light":200}'

  2. Ask what ${device} reported last.
     KEY=${key}
     curl -s ${bearer} ${api}/v1/fleets/${FLEET}/devices/${device}

  3. Send it a command.
     curl -s ${bearer} -H 'Content-Type: application/json' -d '{"action":{"led_on":true}}' \\
       ${api}/v1/fleets/${FLEET}/devices/${device}/commands
`;
}
