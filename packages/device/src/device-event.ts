import type { Action, Answer, CommandEnvelope } from '@lamplighter/contracts/commands/command';
import type { ConnectionEnd } from './connection/connection.js';

/** What became of a command on arrival. A closed set: it may be a metric label. */
export const ARRIVALS = [
  'executed',
  'repeated',
  'expired',
  'overtaken',
  'busy',
  'storage',
  'invalid',
] as const;
export type Arrival = (typeof ARRIVALS)[number];

/** Where a device drops a reading of its own; see docs/devices.md. A closed set: it may be a metric label. */
export const DROPS = [
  'offline',
  'window_full',
  'outbox_full',
  'too_large',
  'invalid',
  'storage',
  'refused',
] as const;
export type Drop = (typeof DROPS)[number];

/** How a telemetry message ended at the broker; `unknown`: the connection ended before the broker said so. */
export type Settled = 'acknowledged' | 'sent' | 'refused' | 'unknown';

/**
 * Everything that happens to a device, in order, for a log or for metrics. `dropped` comes before the `taken` that caused it:
 * whoever writes a log and is killed between the two must not miss a loss.
 */
export type DeviceEvent =
  | { readonly event: 'taken'; readonly seq: number; readonly n: number }
  | { readonly event: 'dropped'; readonly seq: number; readonly reason: Drop }
  /** A message left for the broker; with policy `keep` a reading may go several times. */
  | { readonly event: 'sent'; readonly seqs: readonly number[] }
  | { readonly event: 'settled'; readonly seqs: readonly number[]; readonly outcome: Settled }
  /** Readings that left the outbox because the server has them, or will never take them. */
  | { readonly event: 'receipt'; readonly stored: readonly number[]; readonly refused: readonly number[] }
  | { readonly event: 'online'; readonly session: number }
  | ({ readonly event: 'offline'; readonly retryInMs: number } & ConnectionEnd)
  | ({ readonly event: 'command'; readonly arrival: Arrival } & Partial<CommandEnvelope>)
  /** The handler is about to be called; without an id for a bare command. */
  | ({ readonly event: 'executed'; readonly action: Action } & Partial<CommandEnvelope>)
  /** The final answer stands; whether the server has it yet is another matter. */
  | { readonly event: 'answered'; readonly id: string; readonly status: Answer['status'] }
  /** The edge rule acted while the link was down, or failed to. */
  | {
      readonly event: 'acted';
      readonly action?: Action;
      readonly status: Answer['status'];
      readonly reason?: string;
    }
  /** The storage failed; what that means for a reading or a command is told by its own event. */
  | { readonly event: 'storage_failed'; readonly reason: string };
