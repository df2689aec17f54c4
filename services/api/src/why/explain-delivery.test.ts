import type { CommandState, Transition } from '@lamplighter/contracts/commands/command';
import type { Command } from '@lamplighter/store/commands/read-commands';
import { deliverySteps, explainDelivery } from './explain-delivery.js';

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

describe('explainDelivery', () => {
  // The table of packages/contracts/src/commands/command.ts, row by row.
  it.each<[state: CommandState, cause: string, attempt: number, sentence: RegExp]>([
    ['dispatched', 'emit', 1, /^sent to the device immediately$/],
    ['dispatched', 'claim', 2, /^sent to the device, attempt 2$/],
    ['dispatched', 'no_answer', 2, /^the device did not acknowledge it, so it was sent again, attempt 2$/],
    ['dispatched', 'timeout', 3, /^the device started it but did not finish within 60 s, so .* attempt 3$/],
    ['pending', 'unreachable', 0, /^the device was not connected/],
    [
      'pending',
      'away',
      1,
      /^the device did not acknowledge it and is offline or silent, so the command waits/,
    ],
    ['pending', 'refused_151', 0, /^the broker refused the message \(code 151\)/],
    ['acknowledged', 'device', 1, /^the device started it$/],
    ['succeeded', 'device', 1, /^the device reported success$/],
    ['failed', 'device', 1, /^the device reported a failure: no bulb$/],
    ['rejected', 'device', 1, /^the device rejected it: no bulb$/],
    ['unknown', 'unannounced', 1, /publishes no birth .* it is unknown whether the device executed it$/],
    [
      'unknown',
      'no_answer',
      5,
      /^it was sent, but the device did not acknowledge it in time: it is unknown /,
    ],
    ['unknown', 'timeout', 1, /^the device started it but did not finish within 60 s: /],
    ['unknown', 'superseded:X-1', 1, /the newer command X-1 superseded it: /],
    ['unknown', 'cancelled', 1, /^it was sent before it was cancelled: /],
    ['expired', 'ttl', 0, /^its ttl ended before it was sent$/],
    ['expired', 'unreachable', 0, /^the device could not be reached, and policy "now" does not wait$/],
    ['superseded', 'X-1', 0, /^superseded by the newer command X-1$/],
    ['cancelled', 'api', 0, /^cancelled through the API$/],
    ['cancelled', 'rollout:R', 0, /^cancelled with rollout R$/],
    ['cancelled', 'aborted:X-1', 0, /^cancelled because command X-1, earlier in its lane, failed$/],
  ])('explains %s by %s', (state, cause, attempt, sentence) => {
    const command = commandOf([taken, { state, at: AT + 1, attempt, cause }], {
      acknowledgement: { id: '', status: 'failed', reason: 'no bulb' },
    });
    expect(deliverySteps(command)[1]!.sentence).toMatch(sentence);
  });

  it.each([
    ['api', 'created through the API'],
    ['rollout:R', 'created by rollout R'],
    ['rule:night-light', 'created by rule "night-light"'],
    ['promise:watering', 'created by rule "watering" as the promised end of an earlier action'],
  ])('explains the cause %s', (cause, sentence) => {
    expect(deliverySteps(commandOf([{ ...taken, cause }]))[0]!.sentence).toBe(sentence);
  });

  it('starts each step with its time and ends with what can still happen to an open command', () => {
    expect(explainDelivery(commandOf([taken]))).toEqual([
      '2026-11-22T12:00:00.000Z: created through the API',
      'it has no acknowledgement yet; it is not sent again after 2026-11-22T13:00:00.000Z',
    ]);
  });

  it('lists invalid acknowledgements among the steps', () => {
    const invalid = [{ at: AT + 2, field: '/status', problem: '`status` is missing', payload: '{}' }];
    const sent: Transition = { state: 'dispatched', at: AT + 1, attempt: 1, cause: 'claim' };
    const again: Transition = { state: 'dispatched', at: AT + 3, attempt: 2, cause: 'no_answer' };
    const end: Transition = { state: 'unknown', at: AT + 4, attempt: 2, cause: 'no_answer' };
    expect(explainDelivery(commandOf([taken, sent, again, end], { invalid }))).toEqual([
      '2026-11-22T12:00:00.000Z: created through the API',
      '2026-11-22T12:00:00.001Z: sent to the device, attempt 1',
      '2026-11-22T12:00:00.002Z: the device sent an invalid acknowledgement: `status` is missing',
      '2026-11-22T12:00:00.003Z: the device sent no valid acknowledgement, so it was sent again, attempt 2',
      '2026-11-22T12:00:00.004Z: it was sent, but the device sent no valid acknowledgement in time: it is unknown whether the device executed it',
    ]);
  });
});
