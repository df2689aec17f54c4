/** From a device's birth: such a device understands `_cmd` and sends acknowledgements. */
export interface Session {
  readonly id: number;
  /** It keeps its readings until it gets a receipt. */
  readonly keeps: boolean;
  /** When the current boot of the device started, server time in ms; undefined if unknown. */
  readonly startedAt?: number | undefined;
}

/** Parses the `session` field of a device HASH; undefined if it is empty. */
export function sessionOf(stored: string): Session | undefined {
  if (stored === '') return undefined;
  const [id, online, at, telemetry, , , started] = stored.split(',');
  const startedAt = Number(started || (online === '1' && at)) || undefined;
  return { id: Number(id), keeps: telemetry === 'keep', startedAt };
}
