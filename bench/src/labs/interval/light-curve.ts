import { birdOn, UNDER_BIRD } from '@lamplighter/device-sim/signals/birds';
import { throughClouds } from '@lamplighter/device-sim/signals/clouds';
import { keyOf } from '@lamplighter/device-sim/signals/random';
import { sunlight } from '@lamplighter/device-sim/signals/sun';

/** A kind of day. */
export interface Sky {
  readonly name: string;
  readonly clouds: boolean;
  readonly birds: boolean;
}

export const SKIES: readonly Sky[] = [
  { name: 'sun', clouds: false, birds: false },
  { name: 'sun and clouds', clouds: true, birds: false },
  { name: 'sun, clouds and birds', clouds: true, birds: true },
];

const DAY_MS = 86_400_000;

/** The light on one sensor over 24 hours, from the simulator's signals, without the light of the lamp itself. */
export function lightCurve({ clouds, birds }: Sky, seed: number): (ms: number) => number {
  const device = keyOf(`lamp-${seed}`);
  const place = (seed % 10) / 10;
  return (ms) => {
    const days = ms / DAY_MS;
    const sky = sunlight(days) * (clouds ? throughClouds(seed, place, days) : 1);
    return Math.floor(birds && birdOn(seed, device, ms) ? sky * UNDER_BIRD : sky);
  };
}
