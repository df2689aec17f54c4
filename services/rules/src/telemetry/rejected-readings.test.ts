import type { KnownDevice } from '../cache/known-device.js';
import { addRejected, type RejectedReadings } from './rejected-readings.js';

it('counts rejected readings by device and reason, and collects their sequence numbers', () => {
  const [lamp, fan] = [{}, {}] as [KnownDevice, KnownDevice];
  const rejectedByDevice = new Map<KnownDevice, RejectedReadings>();
  addRejected(rejectedByDevice, lamp, 'schema', 1);
  addRejected(rejectedByDevice, lamp, 'schema', undefined);
  addRejected(rejectedByDevice, lamp, 'clock', 3);
  addRejected(rejectedByDevice, fan, 'clock', 1);
  expect(rejectedByDevice.get(lamp)).toEqual({
    seqs: [1, 3],
    reasons: new Map([
      ['schema', 2],
      ['clock', 1],
    ]),
  });
  expect(rejectedByDevice.get(fan)).toEqual({ seqs: [1], reasons: new Map([['clock', 1]]) });
});
