import type { ScriptedCommand } from './outage-log.js';

/** Creates numbered commands, each different from the last one of its lane. */
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

  /** The next step of the arm: a sequence in which every command matters. */
  moveArm(device: number): ScriptedCommand {
    const value = (this.armStep.get(device) ?? 0) + 1;
    this.armStep.set(device, value);
    return this.write({ device, lane: 'arm_step', value, kind: 'ordered' });
  }

  closeDoor(device: number): ScriptedCommand {
    return this.write({ device, lane: 'door_open', value: false });
  }

  /** Opens the door now or not at all. */
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
