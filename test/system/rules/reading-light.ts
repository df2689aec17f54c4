// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import type { TestDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import type { z } from 'zod';
import { whyNotSchema } from '../../../services/api/src/why/why-not.schema.js';
import type { ApiResponse, SharedStack } from '../stack.js';

export const LIMIT_MS = 60_000;

/** A rule for a light that follows a sensor of its own device. */
export const READING_LIGHT = {
  id: 'reading-light',
  when: 'light < 300',
  clear: 'light > 330',
  then: { led_on: true },
  else: { led_on: false },
  reassert: 'never',
};

/** The body of a successful response. */
export function parsed<T>(schema: z.ZodType<T>, { status, body }: ApiResponse): T {
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return schema.parse(body);
}

/** Sends a reading; settles when it is stored. */
export async function report(
  stack: SharedStack,
  fleet: TestFleet,
  device: TestDevice,
  light: number,
): Promise<void> {
  await device.sendReading({ light });
  await stack.lastState(fleet, device.device, (last) => last.light === light);
}

export async function whyNot(
  stack: SharedStack,
  fleet: TestFleet,
  device: string,
  rule: string = READING_LIGHT.id,
) {
  const path = `/v1/fleets/${fleet.name}/devices/${device}/why-not?rule=${rule}`;
  return parsed(whyNotSchema, await stack.get(path));
}
