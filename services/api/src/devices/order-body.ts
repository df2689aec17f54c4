import { STALE_MS } from '@lamplighter/contracts/telemetry/reading';
import { duration } from '@lamplighter/evaluation/explanation/explain';
import type { Device } from '@lamplighter/store/devices/devices';
import { isoTime } from '../iso-time.js';
import type { DeviceDetail } from './device.schema.js';

/** What came of a device's readings that were not simply the next one. */
export function orderBody(device: Device): DeviceDetail['order'] {
  const { late, duplicate, tooOld, retained, refused, restarts } = device.order;
  const clockBehindMs = behindMs(device);
  return {
    ...{ late, duplicate, tooOld, retained, refused, restarts },
    ...(clockBehindMs > STALE_MS && { clockBehindMs }),
    sentences: orderSentences(device),
  };
}

/** Why the latest readings of a device are not acted on, in words; nothing if the latest reading was the next one. */
export function orderSentences(device: Device): string[] {
  const { device: name, last, order } = device;
  const { history, refusal } = order;
  const sentences: string[] = [];
  const behind = behindMs(device);
  if (behind > STALE_MS)
    sentences.push(
      `the clock of ${name} is ${duration(behind)} behind, or its readings are so late: rules with a shorter maxAge do not judge them`,
    );
  const since = last?.receivedAt ?? 0;
  if (history !== undefined && history.receivedAt > since)
    sentences.push(
      history.reason === 'retained'
        ? `the latest reading of ${name}, at ${isoTime(history.receivedAt)}, was retained at the broker: its age is unknown, so it is history`
        : `the latest reading of ${name}, at ${isoTime(history.receivedAt)}, was late: its _seq or _at is not above that of the last state${numbersOf(device)}`,
    );
  if (refusal !== undefined && refusal.receivedAt > since)
    sentences.push(
      `the latest reading of ${name}, at ${isoTime(refusal.receivedAt)}, was refused: ${refusal.reason}; see /v1/rejected`,
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
