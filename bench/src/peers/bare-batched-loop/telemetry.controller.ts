import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type Callback, Redis, type Result } from 'ioredis';
import { BatchedMqttStrategy, type RawMessage } from './batched-mqtt.strategy.js';

/**
 * Stores the last states of a batch and returns the positions, from 1, at which the verdict changed.
 * ARGV: for each reading its key, its payload and its verdict (`1` or `0`).
 */
const STORE_BATCH = `
local changed = {}
for i = 1, #ARGV, 3 do
  local key, payload, ledOn = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HGET', key, 'led_on') ~= ledOn then
    changed[#changed + 1] = (i + 2) / 3
  end
  redis.call('HSET', key, 'reading', payload, 'led_on', ledOn)
end
return changed`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    storeBatch(args: (string | Buffer)[], callback?: Callback<number[]>): Result<number[], Context>;
  }
}

interface Reading {
  light: number;
}

/** Evaluates `light < 300` for each reading of a batch and sends a command for each verdict that changed, once the batch is stored. */
@Controller()
export class TelemetryController {
  constructor(
    @Inject(Redis) private readonly redis: Redis,
    @Inject(BatchedMqttStrategy) private readonly mqtt: BatchedMqttStrategy,
  ) {
    redis.defineCommand('storeBatch', { numberOfKeys: 0, lua: STORE_BATCH });
  }

  @EventPattern<string>('+/telemetry/+')
  async onBatch(@Payload() batch: RawMessage[]): Promise<void> {
    const readings = batch.map(({ topic, payload }) => {
      const [fleet, , device] = topic.split('/');
      const { light } = JSON.parse(payload.toString()) as Reading;
      return { fleet, device, payload, ledOn: light < 300 };
    });
    const changed = await this.redis.storeBatch(
      readings.flatMap(({ fleet, device, payload, ledOn }) => [
        `state:${fleet}/${device}`,
        payload,
        ledOn ? '1' : '0',
      ]),
    );
    for (const position of changed) {
      const { fleet, device, ledOn } = readings[position - 1]!;
      this.mqtt.publish(`${fleet}/commands/${device}`, JSON.stringify({ led_on: ledOn }));
    }
  }
}
