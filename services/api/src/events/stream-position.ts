/** A position in the event stream, `<ms>-<n>`, the id of a Redis stream entry. */
const POSITION = /^(\d{1,15})-(\d{1,15})$/;

export function isPosition(text: string): boolean {
  return POSITION.test(text);
}

/** Whether event `a` comes after event `b`. */
export function isAfter(a: string, b: string): boolean {
  const [aMs, aN] = parse(a);
  const [bMs, bN] = parse(b);
  return aMs > bMs || (aMs === bMs && aN > bN);
}

/** When the event was written, by Redis's clock, milliseconds since 1970. */
export function timeOf(position: string): number {
  return parse(position)[0];
}

function parse(position: string): [ms: number, n: number] {
  const [, ms, n] = POSITION.exec(position) ?? [];
  return [Number(ms), Number(n)];
}
