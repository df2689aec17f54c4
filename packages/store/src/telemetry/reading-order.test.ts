import type { Replica } from '@lamplighter/test-kit/store/replica';
import { withDevice } from '../../test/store-setup.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { isNewer } from './reading-order.js';

let lamp: DeviceAddress;
let rules: Replica;
withDevice((setup) => {
  ({ device: lamp, rules } = setup);
});

it.each<[newer: boolean, reading: { seq?: number; at?: number }, mark: { seq?: number; at?: number }]>([
  [true, {}, {}],
  [true, { seq: 1 }, {}],
  [true, {}, { seq: 9, at: 9 }],
  [true, { seq: 2 }, { seq: 1 }],
  [false, { seq: 1 }, { seq: 2 }],
  [false, { seq: 1, at: 1 }, { seq: 2, at: 1 }],
  [true, { seq: 1, at: 9 }, { seq: 2, at: 1 }],
  [true, { at: 1 }, { at: 1 }],
  [false, { at: 1 }, { at: 2 }],
  [true, { at: 2 }, { seq: 9, at: 1 }],
  [false, { seq: 9, at: 1 }, { at: 2 }],
])('isNewer is %s for %j after %j, and the store agrees', async (newer, next, mark) => {
  const order = ({ seq, at }: typeof next) => ({ n: undefined, seq, at });
  expect(isNewer(order(next), order(mark))).toBe(newer);
  await rules.accept(lamp, [{ ...order(mark), json: '{"light":1}' }]);
  const [outcome] = await rules.send({
    ...rules.evaluate(lamp, []),
    live: [{ ...order(next), json: '{"light":2}' }],
  });
  expect(outcome?.kind).toBe(newer ? 'accepted' : 'conflict');
});
