import { identitySchema } from '@lamplighter/contracts/identity';
import { type DeviceScope, inScope } from '@lamplighter/contracts/rules/device-scope';
import type { RecordedReading } from '@lamplighter/evaluation/simulation/simulate';
import { WINDOW_DEPTH } from '@lamplighter/evaluation/window/reading-window';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { readDevices } from '@lamplighter/store/devices/devices';
import { readWindows } from '@lamplighter/store/devices/windows';
import { type Redis, redisNow } from '@lamplighter/store/redis/connect';
import { devicesInScope } from '@lamplighter/store/rules/groups';
import { z } from 'zod';
import { pastReading } from '../devices/past-reading.js';
import { type FieldError, Problem } from '../problems/problem.js';
import { fieldErrors } from '../requests/validation.pipe.js';
import { givenReadingSchema, measurementsOf } from './given-reading.js';
import type { RunBudget } from './run-budget.js';

/** Readings per upload; the size of the body is limited as well. */
export const MAX_UPLOADED = 20_000;
/** Readings and devices of a fleet per run. */
const MAX_RECORDED = 200_000;
export const MAX_DEVICES = 10_000;
/** Devices whose windows are read per batch, which takes a few milliseconds to parse. */
const BATCH_SIZE = 5;
const MAX_ERRORS = 20;
/** The last millisecond of the year 9999. */
const LAST_TIME = 253_402_300_799_999;

/** Readings to run rules on. Times are in milliseconds. */
export interface Recording {
  readonly readings: readonly RecordedReading[];
  /** The time up to which timers fire. */
  readonly until: number;
  readonly lessons: ReadonlySet<string>;
  /** Whether the fleet has more devices or readings than a run reads. */
  readonly isCut: boolean;
}

const TIME = 'must be a time such as "2026-11-22T12:00:00Z", or milliseconds since 1970';
const uploadedSchema = z.strictObject({
  device: identitySchema,
  at: z.union(
    [z.int().min(0).max(LAST_TIME), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))],
    TIME,
  ),
  reading: givenReadingSchema,
});

/**
 * Parses an uploaded recording, whose length the schema has limited.
 * @throws Problem `invalid-request` with a pointer to each error
 */
export async function uploadedRecording(
  items: readonly unknown[],
  devices: DeviceScope,
  budget: RunBudget,
): Promise<Recording> {
  const readings: RecordedReading[] = [];
  const errors: FieldError[] = [];
  for (const [i, item] of items.entries()) {
    if (budget.isDue()) await budget.yield();
    const { success, data } = uploadedSchema.safeParse(item);
    if (success) {
      const { device, at, reading } = data;
      if (inScope(devices, device)) readings.push({ device, at, reading: measurementsOf(reading) });
      continue;
    }
    errors.push(...fieldErrors('body', uploadedSchema, item, ['recording', i]));
    if (errors.length >= MAX_ERRORS) break;
  }
  if (errors.length > 0)
    throw new Problem('invalid-request', 'The recording has invalid readings; see errors.', {
      errors: errors.slice(0, MAX_ERRORS),
    });
  const until = readings.reduce((latest, { at }) => Math.max(latest, at), 0);
  return { readings, until, lessons: new Set(), isCut: false };
}

/**
 * Reads the last 240 readings of each device of a fleet, in order of device names.
 * @param isSelected whether a device is in the scope of a rule
 */
export async function fleetRecording(
  redis: Redis,
  fleet: string,
  devices: DeviceScope,
  isSelected: (device: string) => boolean,
  budget: RunBudget,
): Promise<Recording> {
  const [now, names] = await budget.wait(
    Promise.all([redisNow(redis), devicesInScope(redis, fleet, devices, MAX_DEVICES + 1)]),
  );
  const wanted = names.slice(0, MAX_DEVICES).filter(isSelected);
  const readings: RecordedReading[] = [];
  const lessons = new Set<string>();
  let next = 0;
  for (
    ;
    next < wanted.length && readings.length + BATCH_SIZE * WINDOW_DEPTH <= MAX_RECORDED;
    next += BATCH_SIZE
  ) {
    const some = await budget.wait(readDevices(redis, fleet, wanted.slice(next, next + BATCH_SIZE)));
    const addresses = some.map(({ device, lesson }) => new DeviceAddress(fleet, device, lesson));
    const requests = addresses.map((address) => ({ address, depth: WINDOW_DEPTH }));
    for (const [i, window] of (await budget.wait(readWindows(redis, requests))).entries()) {
      const { device, lesson } = some[i]!;
      if (lesson) lessons.add(device);
      for (const kept of window.readings) {
        const { at, reading } = pastReading(kept);
        readings.push({ device, at, reading });
      }
    }
    if (budget.isDue()) await budget.yield();
  }
  // The clock of a device may be slightly ahead.
  const until = readings.reduce((latest, { at }) => Math.max(latest, at), now);
  return { readings, until, lessons, isCut: names.length > MAX_DEVICES || next < wanted.length };
}
