/** Daylight at noon under a clear sky, in the sensor's units (0 to 1023). */
export const NOON = 1000;
/** Twilight ends when the sun is this far below the horizon (sine of the angle). */
const TWILIGHT = 0.1;

/**
 * Daylight under a clear sky, 0 to `NOON`. In a day of 24 hours it crosses the threshold of the night-light rule (300) about an hour after
 * sunrise and an hour before sunset.
 * @param phase local solar time as a fraction of the day: 0 midnight, 0.5 noon; repeats every 1
 */
export function sunlight(phase: number): number {
  const height = -Math.cos(2 * Math.PI * phase);
  return (NOON * Math.max(0, height + TWILIGHT)) / (1 + TWILIGHT);
}
