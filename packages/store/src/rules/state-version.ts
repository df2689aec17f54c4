/** Version of a device's rule states: the store has never heard of the device, the caller does not know, no states yet. */
export const NEW_DEVICE = '';

export const UNKNOWN_VERSION = '?';

export const FIRST_VERSION = '0';

/** The version that a part which changes rule states leaves behind; no other part can leave the same. */
export function versionAfter(replica: string, part: number): string {
  return `${replica}.${part}`;
}

/** A version that also tells which readings the window held when it was judged on: so many live and so many late ones. */
export function exactVersion(version: string, count: number, late: number): string {
  return `${version}@${count}.${late}`;
}
