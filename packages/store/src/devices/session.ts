/** What a device says of itself in a birth: it understands `_cmd` and answers. */
export interface Session {
  readonly id: number;
  /** It keeps its readings until a receipt comes. */
  readonly keeps: boolean;
  /** When the present run of the device began, server time in ms; undefined if that is not known yet. */
  readonly startedAt?: number | undefined;
}

/** Reads what a device's HASH has as its session; undefined for an empty one. */
export function sessionOf(stored: string): Session | undefined {
  if (stored === '') return undefined;
  const [id, online, at, telemetry, , , started] = stored.split(',');
  const startedAt = Number(started || (online === '1' && at)) || undefined;
  return { id: Number(id), keeps: telemetry === 'keep', startedAt };
}
