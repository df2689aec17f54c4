import { Problem } from './problem.js';

/** Added to the detail where a request may name an unknown fleet or device. */
const ANYWAY = 'To use this name anyway, repeat the request with ?allowUnknown=true.';

/** @param mayBeAllowed the request may be repeated with `allowUnknown` */
export function noSuchFleet(fleet: string, { mayBeAllowed = false } = {}): Problem {
  const proceed = mayBeAllowed ? ` ${ANYWAY}` : '';
  return new Problem(
    'no-such-fleet',
    `Fleet "${fleet}" does not exist: none of its devices has ever reported. GET /v1/fleets lists the fleets.${proceed}`,
  );
}

/** @param mayBeAllowed the request may be repeated with `allowUnknown` */
export function noSuchDevice(fleet: string, device: string, { mayBeAllowed = false } = {}): Problem {
  const proceed = mayBeAllowed ? ` ${ANYWAY}` : '';
  return new Problem(
    'no-such-device',
    `Device "${device}" of fleet "${fleet}" does not exist: it has never reported. GET /v1/fleets/${fleet}/devices lists the devices.${proceed}`,
  );
}

export function noSuchAccount(fleet: string, device: string): Problem {
  return new Problem(
    'no-such-account',
    `Device "${device}" of fleet "${fleet}" has no account. GET /v1/fleets/${fleet}/accounts lists the accounts.`,
  );
}

export function noSuchCommand(id: string): Problem {
  return new Problem('no-such-command', `Command ${id} does not exist, or has been pruned.`);
}

export function noSuchRollout(id: string): Problem {
  return new Problem('no-such-rollout', `Rollout ${id} does not exist, or has been pruned.`);
}

export function noSuchRule(fleet: string, rule: string): Problem {
  return new Problem(
    'no-such-rule',
    `Fleet "${fleet}" has no rule "${rule}". GET /v1/fleets/${fleet}/rules lists its rules.`,
  );
}
