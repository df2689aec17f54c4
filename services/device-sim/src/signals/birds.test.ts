import { birdOn } from './birds.js';
import { keyOf } from './random.js';

const HOUR_MS = 3_600_000;
const STEP_MS = 250;

/** The durations of the visits to one sensor within an hour, milliseconds. */
function visits(seed: number, device: number): number[] {
  const lengths: number[] = [];
  let length = 0;
  for (let now = 0; now <= HOUR_MS; now += STEP_MS) {
    if (birdOn(seed, device, now)) length += STEP_MS;
    else if (length > 0) {
      lengths.push(length);
      length = 0;
    }
  }
  return lengths;
}

describe('birdOn', () => {
  const fleet = Array.from({ length: 50 }, (_, i) => visits(1, keyOf(`lamp-${i}`)));

  it('covers a sensor for some seconds', () => {
    for (const length of fleet.flat()) {
      expect(length).toBeGreaterThanOrEqual(1500);
      expect(length).toBeLessThanOrEqual(12_500);
    }
  });

  it('covers each sensor about every five minutes', () => {
    const perHour = fleet.flat().length / fleet.length;
    expect(perHour).toBeGreaterThan(9);
    expect(perHour).toBeLessThan(15);
  });

  it('covers sensors independently, by seed', () => {
    expect(visits(1, keyOf('lamp-1'))).toEqual(fleet[1]);
    expect(fleet[1]).not.toEqual(fleet[2]);
    expect(visits(2, keyOf('lamp-1'))).not.toEqual(fleet[1]);
  });
});
