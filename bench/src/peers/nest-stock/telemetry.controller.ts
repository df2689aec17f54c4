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

/** The expected payload; nothing validates it. */
interface Reading {
  light: number;
  _seq: number;
  _at: number;
}

export const COMMANDS = Symbol('COMMANDS');
export const QOS = Symbol('QOS');

/** Stores the last state of each device and sends a command when the verdict `light < 300` changes. */
@Controller()
export class TelemetryController {
  private readonly verdicts = new Map<string, boolean>();

  constructor(
    @Inject(Redis) private readonly redis: Redis,
    @Inject(COMMANDS) private readonly commands: ClientMqtt,
    @Inject(QOS) private readonly qos: 0 | 1,
  ) {}

  @EventPattern<string>('+/telemetry/+')
  async onTelemetry(@Payload() reading: Reading, @Ctx() context: MqttContext): Promise<void> {
    const [fleet, , device] = context.getTopic().split('/');
    const id = `${fleet}/${device}`;
    await this.redis.hset(`state:${id}`, reading);
    const ledOn = reading.light < 300;
    if (this.verdicts.get(id) === ledOn) return;
    this.verdicts.set(id, ledOn);
    const command = new MqttRecordBuilder({ led_on: ledOn }).setQoS(this.qos).build();
    this.commands.emit(`${fleet}/commands/${device}`, command);
  }
}
