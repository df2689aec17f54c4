import type { BrokerSettings, StockBroker } from '../../testbed/stock-broker.js';
import type { DeviceLink } from '../devices/device-link.js';
import type { ScriptedCommand } from '../outage/outage-log.js';

/** The fleet of the script. */
export const FLEET = 'ghosts';

/** The name of a device of the script. */
export function deviceName(device: number): string {
  return `device-${String(device + 1).padStart(4, '0')}`;
}

/** Called when a device program starts to execute command `n`. */
export type Execute = (action: { readonly n: number }) => void;

/**
 * A device program. It connects on start and reconnects after its link was cut; after a goodbye it must be started again.
 */
export interface Device {
  readonly online: boolean;
  start(): void;
  /** Disconnects with DISCONNECT. */
  sayGoodbye(): Promise<void>;
  close(): Promise<void>;
}

/** The server side of a design while it runs. */
export interface Running {
  /** Issues a command. Settles when the design has accepted it, or cannot confirm that. */
  issue(command: ScriptedCommand): Promise<void>;
  /** True while the server side is connected to the broker. */
  readonly connected: boolean | Promise<boolean>;
  /** Whether no issued command is pending. */
  settled(): Promise<boolean>;
  newDevice(device: number, link: DeviceLink, execute: Execute): Device;
  stop(): Promise<void>;
}

/** A way to send commands to devices that are not always online. */
export interface Design {
  readonly name: string;
  /** One line that explains its row. */
  readonly explanation: string;
  readonly broker: BrokerSettings;
  /** Whether its row must be zero. */
  readonly promised?: boolean;
  /** @param folder for its files */
  start(broker: StockBroker, folder: string): Promise<Running>;
}
