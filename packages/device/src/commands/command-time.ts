const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Creation time of a command by the server's clock, milliseconds since 1970, from its ULID; undefined if the id is not a ULID. */
export function commandCreatedAt(id: string): number | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}(-|$)/.test(id)) return undefined;
  let time = 0;
  for (const digit of id.slice(0, 10)) time = time * 32 + DIGITS.indexOf(digit);
  return time;
}
