import { STALE_MS } from '@lamplighter/contracts/telemetry/reading';
import { duration } from '@lamplighter/evaluation/clauses/definition/sentences';
import type { Device } from '@lamplighter/store/devices/devices';
import { isoTime } from '../responses/iso-time.js';
import type { DeviceDetail } from './device.schema.js';

/** Counts of readings that did not simply follow the last state. */
export function orderBody(device: Device): DeviceDetail['order'] {
  const { late, duplicate, tooOld, retained, rejected, restarts } = device.order;
  const clockBehindMs = behindMs(device);
  return {
    ...{ late, duplicate, tooOld, retained, refused: rejected, restarts },
    ...(clockBehindMs > STALE_MS && { clockBehindMs }),
    sentences: orderSentences(device),
  };
}

/** Why rules do not act on the latest readings of a device, as sentences; empty if they do. */
export function orderSentences(device: Device): string[] {
  const { device: name, last, order } = device;
  const { history, latestRejection } = order;
  const sentences: string[] = [];
  const behind = behindMs(device);
  if (behind > STALE_MS)
    sentences.push(
      `the clock of ${name} is ${duration(behind)} behind, or its readings arrive ${duration(behind)} late: rules with a shorter maxAge do not evaluate them`,
    );
  const since = last?.receivedAt ?? 0;
  if (history !== undefined && history.receivedAt > since)
    sentences.push(
      history.reason === 'retained'
        ? `the latest reading of ${name}, at ${isoTime(history.receivedAt)}, was retained by the broker: its age is unknown, so it is history`
        : `the latest reading of ${name}, at ${isoTime(history.receivedAt)}, was late: its _seq or _at is not greater than that of the last state${numbersOf(device)}`,
    );
  if (latestRejection !== undefined && latestRejection.receivedAt > since)
    sentences.push(
      `the latest reading of ${name}, at ${isoTime(latestRejection.receivedAt)}, was rejected: ${latestRejection.reason}; see /v1/rejected`,
    );
  return sentences;
}

function behindMs({ last }: Device): number {
  return last?.at === undefined ? 0 : Math.max(0, last.receivedAt - last.at);
}

function numbersOf({ last }: Device): string {
  const numbers = [
    ...(last?.seq === undefined ? [] : [`_seq ${last.seq}`]),
    ...(last?.at === undefined ? [] : [`_at ${isoTime(last.at)}`]),
  ];
  return numbers.length === 0 ? '' : ` (${numbers.join(', ')})`;
}
