import { CannotStart } from '../state/settings.js';
import { READER } from './mosquitto.js';

/** Names of fleets, as in packages/contracts (a system test compares them). */
export const FLEET_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** Accounts of the services, and the fleet of their canary. */
export const RESERVED = ['rules', 'health', 'lamplighter-canary'];

/** @throws CannotStart with the reason if no fleet can be called so */
export function checkFleetName(name: string): void {
  if (!FLEET_NAME.test(name))
    throw new CannotStart(
      `"${name}" cannot be the name of a fleet: it must be 1 to 64 letters, digits, "_", "." or "-", and begin with a letter or digit`,
    );
  if (RESERVED.includes(name) || name.endsWith(READER))
    throw new CannotStart(`"${name}" is reserved; choose another name for the fleet`);
}
