// Peer: a NestJS microservice on the stock MQTT transport. Reads MQTT_URL, REDIS_URL and QOS.
// At QoS 1 the transport sends the PUBACK before the handler has stored the reading.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientsModule,
  type MicroserviceOptions,
  MqttRecord,
  type ReadPacket,
  type Serializer,
  Transport,
} from '@nestjs/microservices';
import { Redis } from 'ioredis';
import { COMMANDS, QOS, TelemetryController } from './telemetry.controller.js';

const { MQTT_URL: url = '', REDIS_URL = '' } = process.env;
const qos = process.env.QOS === '1' ? 1 : 0;

/** Publishes the bare payload instead of Nest's `{pattern, data}`. */
class BarePayload implements Serializer<ReadPacket, string> {
  serialize({ data }: ReadPacket): string {
    return JSON.stringify(data instanceof MqttRecord ? data.data : data);
  }
}

@Module({
  imports: [
    ClientsModule.register([
      { name: COMMANDS, transport: Transport.MQTT, options: { url, serializer: new BarePayload() } },
    ]),
  ],
  controllers: [TelemetryController],
  providers: [
    { provide: Redis, useFactory: () => new Redis(REDIS_URL) },
    { provide: QOS, useValue: qos },
  ],
})
class AppModule {}

const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
  transport: Transport.MQTT,
  options: { url, subscribeOptions: { qos } },
  logger: ['error', 'warn'],
});
await app.listen();
console.log('ready');
