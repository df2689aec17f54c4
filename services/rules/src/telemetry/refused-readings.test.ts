import type { KnownDevice } from '../cache/known-device.js';
import { type Refused, refuse } from './refused-readings.js';

it('counts refused readings by device and reason, and collects their sequence numbers', () => {
  const [lamp, fan] = [{}, {}] as [KnownDevice, KnownDevice];
  const refusals = new Map<KnownDevice, Refused>();
  refuse(refusals, lamp, 'schema', 1);
  refuse(refusals, lamp, 'schema', undefined);
  refuse(refusals, lamp, 'clock', 3);
  refuse(refusals, fan, 'clock', 1);
  expect(refusals.get(lamp)).toEqual({
    seqs: [1, 3],
    reasons: new Map([
      ['schema', 2],
      ['clock', 1],
    ]),
  });
  expect(refusals.get(fan)).toEqual({ seqs: [1], reasons: new Map([['clock', 1]]) });
});
