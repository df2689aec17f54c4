import { relative } from 'node:path';
import { filesIn } from '@lamplighter/certificates/authority/files';
import type { NetworkListener } from '../servers/broker-configuration.js';
import { DEFAULT_FOLDER, type Ports } from '../state/settings.js';
import { FLEET, type State } from '../state/state.js';

/** The text that is printed once everything is ready: addresses, and commands to try. */
export function guide(options: {
  ports: Ports;
  state: State;
  firstKey: string | undefined;
  consoleKey: string | undefined;
  sim: boolean;
  lesson: boolean;
  /** The TLS listener for devices on the network. */
  network?: NetworkListener | undefined;
  /** The user's working directory. */
  from: string;
}): string {
  const { ports, state, firstKey, consoleKey, network } = options;
  const path = (file: string) => {
    const short = relative(options.from, file);
    const path = short.startsWith('..') ? file : short || '.';
    return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  };
  const api = `http://127.0.0.1:${ports.API_PORT}`;
  const device = options.sim ? 'lamp-0001' : 'my-lamp';
  const bearer = '-H "Authorization: Bearer $KEY"';
  const account = `-p ${ports.MQTT_PORT} -u ${FLEET} -P "$(cat ${path(state.secretFile(`mqtt-${FLEET}`))})"`;
  // Other terminals do not have LAMPLIGHTER_STATE set.
  const npm = state.folder === DEFAULT_FOLDER ? 'npm' : `LAMPLIGHTER_STATE=${path(state.folder)} npm`;
  const key = firstKey ?? `$(${npm} run --silent key)`;
  const mqttHost = `-h 127.0.0.1 ${account}`;
  // The fragment stays in the browser; the console removes it from the address bar.
  const link = consoleKey === undefined ? `${api}/` : `${api}/#key=${consoleKey}   (opens signed in)`;
  return `
  Console      ${link}
  API          ${api}/docs
  Prometheus   http://127.0.0.1:${ports.PROMETHEUS_PORT}
  Broker       mqtt://127.0.0.1:${ports.MQTT_PORT}, user ${FLEET}, password in ${path(state.secretFile(`mqtt-${FLEET}`))}
  Logs         ${path(`${state.folder}/logs`)}
  Numbers      ${npm} run watch, in another terminal: live metrics
  API key      ${
    firstKey ? `${firstKey}   (shown once)` : 'shown at the first start'
  }; new key: ${npm} run key
${
  options.lesson
    ? `  Lesson       host 127.0.0.1, port ${ports.MQTT_PORT}, no password: publish to <id>/telemetry, subscribe to <id>/commands; see docs/lesson.md\n`
    : ''
}${network === undefined ? '' : deviceGuide(network, path, path(state.secretFile(`mqtt-${FLEET}`)), npm)}
Three things to try in another terminal:

  1. Act as a device: report daylight, then darkness, and print its commands for four seconds.
     mosquitto_sub ${mqttHost} -t '${FLEET}/commands/my-lamp' -W 4 &
     sleep 1
     mosquitto_pub ${mqttHost} -t '${FLEET}/telemetry/my-lamp' -m '{"light":900}'
     mosquitto_pub ${mqttHost} -t '${FLEET}/telemetry/my-lamp' -m '{"light":200}'

  2. Get the last state of ${device}.
     KEY=${key}
     curl -s ${bearer} ${api}/v1/fleets/${FLEET}/devices/${device}

  3. Send it a command.
     curl -s ${bearer} -H 'Content-Type: application/json' -d '{"action":{"led_on":true}}' \\
       ${api}/v1/fleets/${FLEET}/devices/${device}/commands
`;
}

/** What a device on the network needs. */
function deviceGuide(
  { address, port, certificates, clientCertificates }: NetworkListener,
  path: (file: string) => string,
  passwordFile: string,
  npm: string,
): string {
  const { authority } = filesIn(certificates);
  const proof = clientCertificates
    ? `certificate  ${npm} run --silent certificates -- issue ${FLEET} > ${FLEET}.pem   (certificate and key; the key is kept nowhere else)`
    : `account      user ${FLEET}, password in ${passwordFile}; of another fleet: ${npm} run fleet -- add plant`;
  const credentials = clientCertificates
    ? `--cert ${FLEET}.pem --key ${FLEET}.pem`
    : `-u ${FLEET} -P "$(cat ${passwordFile})"`;
  return `
To admit a device on the network, give it (TLS 1.2 or newer):
  address      mqtts://${address}:${port}
  authority    ${path(authority)}, which the device checks the broker with
  ${proof}
  To try it    mosquitto_pub -h ${address} -p ${port} --cafile ${path(authority)} ${credentials} -t '${FLEET}/telemetry/my-lamp' -m '{"light":900}'
`;
}
