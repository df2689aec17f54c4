import { connect, connectAsync, type MqttClient } from 'mqtt';
import type { Exchange, Line } from './exchange.js';

const TELEMETRY = 'bench/telemetry';
const COMMANDS = 'bench/commands';
const AN_HOUR_SECONDS = 3600;

/** MQTT: QoS 0 with clean sessions, as in the lesson, or QoS 1 with a persistent session. */
export function mqttExchange(brokerPort: number, protocolVersion: 4 | 5, qos: 0 | 1): Exchange {
  return {
    name: `MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}, QoS ${qos}${qos === 1 ? ', session kept' : ''}`,
    serverPort: brokerPort,
    async open(devicePort): Promise<Line> {
      const server = await connectAsync(`mqtt://127.0.0.1:${brokerPort}`, { protocolVersion });
      let readings = 0;
      server.on('message', () => {
        readings += 1;
      });
      await server.subscribeAsync(TELEMETRY, { qos });
      let device: MqttClient | undefined;
      const line: Line = {
        onCommand: () => undefined,
        async connect() {
          const opened = connect(`mqtt://127.0.0.1:${devicePort}`, {
            protocolVersion,
            clientId: `bench-${protocolVersion}-${qos}`,
            reconnectPeriod: 0,
            clean: qos === 0,
            ...(qos === 1 &&
              protocolVersion === 5 && { properties: { sessionExpiryInterval: AN_HOUR_SECONDS } }),
          });
          device = opened;
          device.on('error', () => undefined);
          // Queued messages arrive with the connection, so the listener comes first.
          device.on('message', (_topic, payload) => line.onCommand(JSON.parse(payload.toString())));
          await new Promise<void>((resolve) => opened.once('connect', () => resolve()));
          await device.subscribeAsync(COMMANDS, { qos });
        },
        async send(reading) {
          await device?.publishAsync(TELEMETRY, JSON.stringify(reading), { qos });
        },
        async issue(command) {
          await server.publishAsync(COMMANDS, JSON.stringify(command), { qos });
        },
        readings: () => readings,
        async drop() {
          await device?.endAsync(true);
        },
        async close() {
          await Promise.all([device?.endAsync(true), server.endAsync(true)]);
        },
      };
      return line;
    },
  };
}
