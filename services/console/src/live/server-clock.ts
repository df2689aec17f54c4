/** The clock of Redis, by which the api gives ages, relative to the clock of this browser. */
let aheadMs = 0;

/** @param at a time that the server read just now */
export function setServerClock(at: string | number): void {
  aheadMs = (typeof at === 'number' ? at : Date.parse(at)) - Date.now();
}

/** Now on the clock of Redis, milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + aheadMs;
}
