import { isUtf8 } from 'node:buffer';
import type { Action, CommandEnvelope } from '@lamplighter/contracts/commands/command';

/** A command as it came. Bare ones have no envelope: they cannot be answered, expire or be recognised as repeated. */
export interface ReceivedCommand {
  readonly action: Action;
  readonly envelope?: CommandEnvelope;
  /** The trace that it belongs to (W3C `traceparent`). */
  readonly traceparent?: string | undefined;
}

/**
 * Reads a payload of `<id>/commands/<device>`; undefined if it is no command. Keys with a leading underscore are the
 * protocol's and never reach the program (`__proto__` among them). Never throws.
 */
export function parseCommand(payload: Buffer): ReceivedCommand | undefined {
  if (!isUtf8(payload)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const action: Action = Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('_')));
  if (Object.keys(action).length === 0) return undefined;
  const envelope: unknown = '_cmd' in value ? value._cmd : undefined;
  if (envelope === undefined) return { action };
  return isEnvelope(envelope) ? { action, envelope } : undefined;
}

function isEnvelope(value: unknown): value is CommandEnvelope {
  if (typeof value !== 'object' || value === null) return false;
  const { id, lane, seq, attempt, expiresAt, deliverBy } = value as Record<keyof CommandEnvelope, unknown>;
  return (
    typeof id === 'string' &&
    id.length >= 1 &&
    id.length <= 64 &&
    typeof lane === 'string' &&
    [seq, attempt, expiresAt, deliverBy ?? 0].every(Number.isSafeInteger)
  );
}
