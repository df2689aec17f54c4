import { endedOf, isFailing, matchedOf, paceSchema, type RolloutCounts, selectorSchema } from './rollout.js';

const counts = (outcomes: Partial<RolloutCounts['outcomes']>): RolloutCounts => ({
  enqueued: 1000,
  skipped: { queue_full: 0, unreachable: 0, unknown_device: 0 },
  outcomes: {
    succeeded: 0,
    failed: 0,
    rejected: 0,
    expired: 0,
    superseded: 0,
    cancelled: 0,
    unknown: 0,
    ...outcomes,
  },
});

describe('isFailing', () => {
  it.each([
    ['is true if more than the share has failed', { succeeded: 89, failed: 11 }, 10, true],
    ['is false if exactly the share has failed', { succeeded: 90, failed: 10 }, 10, false],
    ['is false before ten commands have ended', { failed: 9 }, 10, false],
    ['is true once ten commands have ended', { failed: 10 }, 10, true],
    ['is true for a single failure if none is allowed', { succeeded: 9, failed: 1 }, 0, true],
    ['is false if all are allowed to fail', { failed: 100 }, 100, false],
    ['is false without a limit', { failed: 100 }, undefined, false],
    [
      'counts rejected, expired and unknown commands as failures',
      { succeeded: 6, rejected: 2, expired: 1, unknown: 1 },
      39,
      true,
    ],
    ['does not count superseded and cancelled commands', { superseded: 50, cancelled: 50 }, 10, false],
  ])('%s', (_what, outcomes, abortAbove, failing) => {
    expect(isFailing(counts(outcomes), abortAbove)).toBe(failing);
  });
});

it('endedOf adds all final states', () => {
  expect(endedOf(counts({ succeeded: 1, failed: 2, superseded: 4, cancelled: 8 }))).toBe(15);
});

it('matchedOf adds enqueued and skipped devices', () => {
  const skipped = { queue_full: 1, unreachable: 2, unknown_device: 4 };
  expect(matchedOf({ ...counts({}), enqueued: 8, skipped })).toBe(15);
});

it('paceSchema defaults to 50 devices per second', () => {
  expect(paceSchema.parse({})).toEqual({ rate: 50 });
});

it.each([
  ['no devices', { devices: [] }],
  ['an invalid device name', { devices: ['lamp/1'] }],
  ['an unknown presence', { presence: 'awake' }],
  ['an empty condition', { when: '' }],
  ['an unknown key', { where: 'light < 1' }],
])('selectorSchema rejects %s', (_what, selector) => {
  expect(selectorSchema.safeParse(selector).success).toBe(false);
});
