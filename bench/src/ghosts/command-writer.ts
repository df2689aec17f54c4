import type { ScriptedCommand } from './outage-log.js';

/** Numbers the commands of a script, and knows what each device was asked for last. */
export class CommandWriter {
  private n = 0;
  private readonly ledOn = new Map<number, boolean>();
  private readonly armStep = new Map<number, number>();

  /** On, off, on, … */
  switchLamp(device: number): ScriptedCommand {
    const value = !this.ledOn.get(device);
    this.ledOn.set(device, value);
    return this.write({ device, lane: 'led_on', value });
  }

  /** One step of the arm after the other: a sequence in which each counts. */
  moveArm(device: number): ScriptedCommand {
    const value = (this.armStep.get(device) ?? 0) + 1;
    this.armStep.set(device, value);
    return this.write({ device, lane: 'arm_step', value, kind: 'ordered' });
  }

  closeDoor(device: number): ScriptedCommand {
    return this.write({ device, lane: 'door_open', value: false });
  }

  /** Opens the door for who stands before it now. */
  openDoor(device: number, ttlMs: number): ScriptedCommand {
    return this.write({ device, lane: 'door_open', value: true, ttlMs });
  }

  dim(device: number, value: number): ScriptedCommand {
    return this.write({ device, lane: 'level', value });
  }

  private write(
    what: Pick<ScriptedCommand, 'device' | 'lane' | 'value'> & Partial<ScriptedCommand>,
  ): ScriptedCommand {
    this.n += 1;
    return { kind: 'latest', ttlMs: undefined, ...what, n: this.n };
  }
}
