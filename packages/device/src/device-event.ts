import type { Acknowledgement, Action, CommandEnvelope } from '@lamplighter/contracts/commands/command';
import type { ConnectionEnd } from './connection/connection.js';

/** What happened to a command on arrival. A closed set that can be a metric label. */
export const ARRIVALS = [
  'executed',
  'repeated',
  'expired',
  'overtaken',
  'busy',
  'storage',
  'invalid',
] as const;
export type CommandArrival = (typeof ARRIVALS)[number];

/** Why a device dropped a reading; see docs/devices.md. A closed set that can be a metric label. */
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

/** How a telemetry message ended at the broker; `unknown`: the connection ended before the PUBACK. */
export type Settled = 'acknowledged' | 'sent' | 'refused' | 'unknown';

/**
 * The events of a device, in order, for logs and metrics. `dropped` precedes the `taken` that caused it, so that a program killed between
 * the two has recorded the loss.
 */
export type DeviceEvent =
  | { readonly event: 'taken'; readonly seq: number; readonly n: number }
  | { readonly event: 'dropped'; readonly seq: number; readonly reason: Drop }
  /** A message was sent to the broker; with policy `keep` a reading can be sent several times. */
  | { readonly event: 'sent'; readonly seqs: readonly number[] }
  | { readonly event: 'settled'; readonly seqs: readonly number[]; readonly outcome: Settled }
  /** Readings left the outbox because the server stored or permanently rejected them. */
  | { readonly event: 'receipt'; readonly stored: readonly number[]; readonly refused: readonly number[] }
  | { readonly event: 'online'; readonly session: number }
  | ({ readonly event: 'offline'; readonly retryInMs: number } & ConnectionEnd)
  | ({ readonly event: 'command'; readonly arrival: CommandArrival } & Partial<CommandEnvelope>)
  /** The handler is about to be called. A bare command has no id. */
  | ({ readonly event: 'executed'; readonly action: Action } & Partial<CommandEnvelope>)
  /** The final acknowledgement is stored; it may not have reached the server yet. */
  | { readonly event: 'answered'; readonly id: string; readonly status: Acknowledgement['status'] }
  /** The edge rule executed an action while the link was down, or failed to. */
  | {
      readonly event: 'acted';
      readonly action?: Action;
      readonly status: Acknowledgement['status'];
      readonly reason?: string;
    }
  /** The storage failed. The affected reading or command has its own event. */
  | { readonly event: 'storage_failed'; readonly reason: string };
