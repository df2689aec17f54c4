import { recordedErrors } from '../../test/recorded-errors.js';
import { storeUnavailable } from '../problems/store-failure.js';
import type { StoreLink } from '../store/store-link.js';
import { ActionLanes } from './action-lanes.js';

const COMMAND = { action: { led_on: true }, lane: 'other' };

describe('ActionLanes', () => {
  it.each<[what: string, error: Error, reported: boolean]>([
    ['Redis is unavailable', storeUnavailable(), false],
    ['of an unexpected error, which it reports once', new TypeError('x is undefined'), true],
  ])('has no warnings when rules cannot be read because %s', async (_what, error, reported) => {
    const link = {
      get redis() {
        throw error;
      },
    } as unknown as StoreLink;
    const { errors, reports } = recordedErrors();
    const lanes = new ActionLanes(link, errors);
    expect(await lanes.warnings('demo', ['lamp-1'], COMMAND)).toEqual([]);
    expect(await lanes.warnings('demo', ['lamp-2'], COMMAND)).toEqual([]);
    expect(reports).toEqual(reported ? [['lane_warnings', error]] : []);
  });
});
