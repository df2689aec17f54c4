import type { DeviceFacts } from '../context/evaluation-context.js';

/** The facts about a device as stored in evidence. `answers` is the stored name of `acknowledges`. */
export interface RecordedDevice extends Omit<DeviceFacts, 'acknowledges'> {
  readonly answers: boolean;
}

export function recordDevice(facts: DeviceFacts): RecordedDevice {
  const { address, acknowledges, lesson, startedAt } = facts;
  const { fleet, device } = address;
  return { address: { fleet, device }, answers: acknowledges, lesson, startedAt };
}

export function factsOf({ answers, ...facts }: RecordedDevice): DeviceFacts {
  return { ...facts, acknowledges: answers };
}
