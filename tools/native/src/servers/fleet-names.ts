import { CannotStart } from '../state/settings.js';
import { READER } from './mosquitto.js';

/** Valid fleet names, as in packages/contracts (a system test compares the two). */
export const FLEET_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** Accounts of the services, and the fleet of the canary. */
export const RESERVED = ['rules', 'health', 'lamplighter-canary'];

/** @throws CannotStart if the name is invalid or reserved */
export function checkFleetName(name: string): void {
  if (!FLEET_NAME.test(name))
    throw new CannotStart(
      `invalid fleet name "${name}": use 1 to 64 letters, digits, "_", "." or "-", starting with a letter or digit`,
    );
  if (RESERVED.includes(name) || name.endsWith(READER))
    throw new CannotStart(`fleet name "${name}" is reserved; choose another`);
}
