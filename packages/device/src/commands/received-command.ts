import { isUtf8 } from 'node:buffer';
import type { Action, CommandEnvelope } from '@lamplighter/contracts/commands/command';

/** A parsed command. A bare command has no envelope: it cannot be acknowledged, expire, or be recognised as a repetition. */
export interface ReceivedCommand {
  readonly action: Action;
  readonly envelope?: CommandEnvelope;
  /** W3C trace context. */
  readonly traceparent?: string | undefined;
}

/**
 * Parses a payload of `<id>/commands/<device>`; undefined if it is not a command. Keys with a leading underscore are reserved for the
 * protocol and never reach the program (this includes `__proto__`). Never throws.
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
