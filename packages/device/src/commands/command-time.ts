const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** When a command was created, ms on the server's clock: its id begins with that (a ULID). Undefined if it is another kind of id. */
export function timeOfCommand(id: string): number | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}(-|$)/.test(id)) return undefined;
  let time = 0;
  for (const digit of id.slice(0, 10)) time = time * 32 + DIGITS.indexOf(digit);
  return time;
}
