import type { DeviceLink } from './device-link.js';
import type { ScriptedCommand } from './outage-log.js';
import type { BrokerSettings, StockBroker } from './stock-broker.js';

/** The fleet of the script. */
export const FLEET = 'ghosts';

/** The name of a device of the script. */
export function deviceName(device: number): string {
  return `device-${String(device + 1).padStart(4, '0')}`;
}

/** What a device program does with a command: it begins to carry out number `n`. */
export type Execute = (action: { readonly n: number }) => void;

/**
 * A device program. It connects when it is started, and finds
 * back by itself when its link was cut; after a goodbye it has to be started again.
 */
export interface Device {
  readonly online: boolean;
  start(): void;
  /** DISCONNECT, in good order. */
  sayGoodbye(): Promise<void>;
  close(): Promise<void>;
}

/** The server side of a design while it runs. */
export interface Running {
  /** Issues a command. Settles when whoever issues it may go on: the design has it, or cannot say. */
  issue(command: ScriptedCommand): Promise<void>;
  /** True while the server side is connected to the broker. */
  readonly connected: boolean | Promise<boolean>;
  /** True when nothing that was issued waits any more. */
  settled(): Promise<boolean>;
  newDevice(device: number, link: DeviceLink, execute: Execute): Device;
  stop(): Promise<void>;
}

/** A way to bring commands to devices that come and go. */
export interface Design {
  readonly name: string;
  /** Why its row looks as it does, one line. */
  readonly explanation: string;
  readonly broker: BrokerSettings;
  /** True if its row must be all zero. */
  readonly promised?: boolean;
  /** @param folder for its files */
  start(broker: StockBroker, folder: string): Promise<Running>;
}
