// Peer: NestJS with a transport strategy that batches, and one Redis script per batch. Reads MQTT_URL, REDIS_URL and QOS.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { BatchedMqttStrategy } from './batched-mqtt.strategy.js';
import { TelemetryController } from './telemetry.controller.js';

const { MQTT_URL = '', REDIS_URL = '' } = process.env;
const strategy = new BatchedMqttStrategy(MQTT_URL, process.env.QOS === '1' ? 1 : 0);

@Module({
  controllers: [TelemetryController],
  providers: [
    { provide: Redis, useFactory: () => new Redis(REDIS_URL) },
    { provide: BatchedMqttStrategy, useValue: strategy },
  ],
})
class AppModule {}

const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: ['error', 'warn'] });
await app.listen();
console.log('ready');
