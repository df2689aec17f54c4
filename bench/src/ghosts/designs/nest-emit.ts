import { Logger } from '@nestjs/common';
import type { ClientMqtt } from '@nestjs/microservices';
import { ClientProxyFactory, type ReadPacket, type Serializer, Transport } from '@nestjs/microservices';
import { actionOf } from '../outage/outage-log.js';
import type { Design } from './design.js';
import { laneTopic, newPlainDevice } from './published-commands.js';

/** Publishes the bare action instead of Nest's `{pattern, data}`. */
class BareAction implements Serializer<ReadPacket, string> {
  serialize({ data }: ReadPacket): string {
    return JSON.stringify(data);
  }
}

/** `client.emit(topic, action)` with the stock MQTT client of Nest and its defaults. */
export const NEST_EMIT: Design = {
  name: "Nest's `emit`",
  explanation:
    'QoS 0 without a queue: an offline device loses every command, without an error. No ghosts, but all commands of the outage are lost.',
  broker: {},
  async start({ url }) {
    Logger.overrideLogger(false);
    const client = ClientProxyFactory.create({
      transport: Transport.MQTT,
      options: { url, serializer: new BareAction() },
    }) as ClientMqtt;
    await client.connect();
    return {
      async issue(command) {
        client.emit(laneTopic(command.device, command.lane), actionOf(command));
      },
      get connected() {
        return client.unwrap<{ connected: boolean }>().connected;
      },
      settled: async () => true,
      newDevice: (device, link, execute) => newPlainDevice(device, link, execute),
      stop: () => client.close(),
    };
  },
};
