import type { Action } from '@lamplighter/contracts/command';
import { DeviceClient, type DeviceOptions } from '@lamplighter/device/device-client';
import { CommandRejected } from '@lamplighter/device/execute-command';
import { keyOf } from './signals/random.js';
import { lightAt, type Spot, type World } from './signals/sensor.js';

/** What a lamp reports. */
export type LampReading = { readonly light: number; readonly led_on: boolean };

/** A simulated device: a light sensor and a lamp beside it. */
export class Lamp {
  readonly client: DeviceClient;
  private readonly spot: Spot;
  private ledOn = false;

  /**
   * @param place where in the fleet, 0 to 1
   * @param onSwitch told when the lamp changes, by 1 or -1
   */
  constructor(
    private readonly world: World,
    place: number,
    options: Omit<DeviceOptions, 'execute'>,
    private readonly onSwitch: (change: 1 | -1) => void,
  ) {
    this.spot = { device: keyOf(options.device), place };
    this.client = new DeviceClient({ ...options, execute: (action) => this.follow(action) });
  }

  get on(): boolean {
    return this.ledOn;
  }

  /** @param now milliseconds since 1970 */
  read(now: number): LampReading {
    return { light: lightAt(this.world, this.spot, now, this.ledOn), led_on: this.ledOn };
  }

  /** Keys that it does not know are ignored, as the lesson's device does. */
  private follow({ led_on: ledOn }: Action): void {
    if (typeof ledOn !== 'boolean')
      throw new CommandRejected('a lamp wants {"led_on": true} or {"led_on": false}');
    if (ledOn === this.ledOn) return;
    this.ledOn = ledOn;
    this.onSwitch(ledOn ? 1 : -1);
  }
}
