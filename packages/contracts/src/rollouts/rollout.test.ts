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

describe('a rollout fails', () => {
  it.each([
    ['when more than the share has failed', { succeeded: 89, failed: 11 }, 10, true],
    ['not when just the share has failed', { succeeded: 90, failed: 10 }, 10, false],
    ['not before ten have ended', { failed: 9 }, 10, false],
    ['as soon as ten have ended', { failed: 10 }, 10, true],
    ['by a single failure where none is allowed', { succeeded: 9, failed: 1 }, 0, true],
    ['not at all where all may fail', { failed: 100 }, 100, false],
    ['not without a limit', { failed: 100 }, undefined, false],
    [
      'by what nobody did or nobody can know',
      { succeeded: 6, rejected: 2, expired: 1, unknown: 1 },
      39,
      true,
    ],
    ['not by what was superseded or cancelled', { superseded: 50, cancelled: 50 }, 10, false],
  ])('%s', (_what, outcomes, abortAbove, failing) => {
    expect(isFailing(counts(outcomes), abortAbove)).toBe(failing);
  });
});

it('has ended as often as there are final states', () => {
  expect(endedOf(counts({ succeeded: 1, failed: 2, superseded: 4, cancelled: 8 }))).toBe(15);
});

it('has matched every device that got a command or was skipped', () => {
  const skipped = { queue_full: 1, unreachable: 2, unknown_device: 4 };
  expect(matchedOf({ ...counts({}), enqueued: 8, skipped })).toBe(15);
});

it('goes at 50 devices per second unless it is told otherwise', () => {
  expect(paceSchema.parse({})).toEqual({ rate: 50 });
});

it.each([
  ['no devices', { devices: [] }],
  ['a device that is no name', { devices: ['lamp/1'] }],
  ['a presence that there is not', { presence: 'awake' }],
  ['an empty condition', { when: '' }],
  ['an unknown key', { where: 'light < 1' }],
])('refuses a selector with %s', (_what, selector) => {
  expect(selectorSchema.safeParse(selector).success).toBe(false);
});
