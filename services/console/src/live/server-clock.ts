/** The Redis clock, on which the api bases ages, relative to this browser's clock. */
let aheadMs = 0;

/** @param at a time that the server read just now */
export function setServerClock(at: string | number): void {
  aheadMs = (typeof at === 'number' ? at : Date.parse(at)) - Date.now();
}

/** Now on the Redis clock, milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + aheadMs;
}
