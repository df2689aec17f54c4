import { Controller, Inject } from '@nestjs/common';
import {
  type ClientMqtt,
  Ctx,
  EventPattern,
  MqttContext,
  MqttRecordBuilder,
  Payload,
} from '@nestjs/microservices';
import { Redis } from 'ioredis';

/** What the reference does with a reading; nothing checks that it has this shape. */
interface Reading {
  light: number;
  _seq: number;
  _at: number;
}

export const COMMANDS = Symbol('COMMANDS');
export const QOS = Symbol('QOS');

/** Keeps the last state of each device in a hash and commands its lamp when `light < 300` changes. */
@Controller()
export class TelemetryController {
  private readonly ledOn = new Map<string, boolean>();

  constructor(
    @Inject(Redis) private readonly redis: Redis,
    @Inject(COMMANDS) private readonly commands: ClientMqtt,
    @Inject(QOS) private readonly qos: 0 | 1,
  ) {}

  @EventPattern<string>('+/telemetry/+')
  async onTelemetry(@Payload() reading: Reading, @Ctx() context: MqttContext): Promise<void> {
    const [fleet, , device] = context.getTopic().split('/');
    const id = `${fleet}/${device}`;
    const stored = this.redis.hset(`state:${id}`, reading);
    const ledOn = reading.light < 300;
    if (this.ledOn.get(id) !== ledOn) {
      this.ledOn.set(id, ledOn);
      const command = new MqttRecordBuilder({ led_on: ledOn }).setQoS(this.qos).build();
      this.commands.emit(`${fleet}/commands/${device}`, command);
    }
    await stored;
  }
}
