/** Versions of a device's rule states: the device is new to the store, the caller does not know the version, no states yet. */
export const NEW_DEVICE = '';

export const UNKNOWN_VERSION = '?';

export const FIRST_VERSION = '0';

/** The version after a part that changes rule states; unique to that part. */
export function versionAfter(replica: string, part: number): string {
  return `${replica}.${part}`;
}

/** A version that also states how many live and late readings the evaluated window held. */
export function exactVersion(version: string, count: number, late: number): string {
  return `${version}@${count}.${late}`;
}
