import type { CommandState, Transition } from '@lamplighter/contracts/commands/command';
import type { Command } from '@lamplighter/store/commands/read-commands';
import { deliverySentences, deliverySteps } from './delivery-story.js';

const AT = Date.UTC(2026, 10, 22, 12);
const commandOf = (transitions: readonly Transition[], more: Partial<Command> = {}) =>
  ({
    transitions,
    state: transitions.at(-1)!.state,
    timeoutMs: 60_000,
    expiresAt: AT + 3_600_000,
    ...more,
  }) as Command;
const taken: Transition = { state: 'pending', at: AT, attempt: 0, cause: 'api' };

// The table of packages/contracts/src/commands/command.ts, row by row.
it.each<[state: CommandState, cause: string, attempt: number, sentence: RegExp]>([
  ['dispatched', 'emit', 1, /^sent to the device at once$/],
  ['dispatched', 'claim', 2, /^sent to the device, attempt 2$/],
  ['dispatched', 'no_answer', 2, /^no answer came, so it was sent again, attempt 2$/],
  ['dispatched', 'timeout', 3, /^the device had begun and was not done within 60 s, so .* attempt 3$/],
  ['pending', 'unreachable', 0, /^nobody was there to take it/],
  ['pending', 'away', 1, /^no answer came, and the device is away or silent, so it waits/],
  ['pending', 'refused_151', 0, /^the broker refused it \(code 151\)/],
  ['acknowledged', 'device', 1, /^the device has begun$/],
  ['succeeded', 'device', 1, /^the device said that it is done$/],
  ['failed', 'device', 1, /^the device said that it failed: no bulb$/],
  ['rejected', 'device', 1, /^the device said that it does not take it: no bulb$/],
  ['unknown', 'unannounced', 1, /never announced itself .* nobody can know$/],
  ['unknown', 'no_answer', 5, /^it was sent, and no answer came in time: .* nobody can know$/],
  ['unknown', 'timeout', 1, /^the device had begun and was not done within 60 s: /],
  ['unknown', 'superseded:X-1', 1, /the newer command X-1 took its place: /],
  ['unknown', 'cancelled', 1, /^it had been sent before it was cancelled: /],
  ['expired', 'ttl', 0, /^its time to live was over before it was ever sent$/],
  ['expired', 'unreachable', 0, /^the device could not be reached, and it was not to wait$/],
  ['superseded', 'X-1', 0, /^the newer command X-1 took its place$/],
  ['cancelled', 'api', 0, /^cancelled over REST$/],
  ['cancelled', 'rollout:R', 0, /^cancelled with rollout R$/],
  ['cancelled', 'aborted:X-1', 0, /^cancelled, since command X-1 before it in its lane failed$/],
])('%s by %s in words', (state, cause, attempt, sentence) => {
  const command = commandOf([taken, { state, at: AT + 1, attempt, cause }], {
    answer: { id: '', status: 'failed', reason: 'no bulb' },
  });
  expect(deliverySteps(command)[1]!.sentence).toMatch(sentence);
});

it.each([
  ['api', 'taken over REST'],
  ['rollout:R', 'taken from rollout R'],
  ['rule:night-light', 'taken from rule "night-light"'],
  ['promise:watering', 'taken as the promised end of what rule "watering" had started'],
])('where it came from: %s', (cause, sentence) => {
  expect(deliverySteps(commandOf([{ ...taken, cause }]))[0]!.sentence).toBe(sentence);
});

it('times stand before the steps, and what is still open says until when', () => {
  expect(deliverySentences(commandOf([taken]))).toEqual([
    '2026-11-22T12:00:00.000Z: taken over REST',
    'it has no answer yet; it is not sent any more after 2026-11-22T13:00:00.000Z',
  ]);
});

it('answers that were not understood stand among the steps, and are not denied', () => {
  const unread = [{ at: AT + 2, field: '/status', problem: '`status` is missing', payload: '{}' }];
  const sent: Transition = { state: 'dispatched', at: AT + 1, attempt: 1, cause: 'claim' };
  const again: Transition = { state: 'dispatched', at: AT + 3, attempt: 2, cause: 'no_answer' };
  const end: Transition = { state: 'unknown', at: AT + 4, attempt: 2, cause: 'no_answer' };
  expect(deliverySentences(commandOf([taken, sent, again, end], { unread }))).toEqual([
    '2026-11-22T12:00:00.000Z: taken over REST',
    '2026-11-22T12:00:00.001Z: sent to the device, attempt 1',
    '2026-11-22T12:00:00.002Z: an answer came that was not understood: `status` is missing',
    '2026-11-22T12:00:00.003Z: no answer came that was understood, so it was sent again, attempt 2',
    '2026-11-22T12:00:00.004Z: it was sent, and no answer came that was understood in time: whether the device executed it nobody can know',
  ]);
});
