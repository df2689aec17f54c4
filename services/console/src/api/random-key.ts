/** An Idempotency-Key: a repeated request has the same effect as one. `crypto.randomUUID` exists only on https and localhost. */
export function randomKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}
