import { BOUNDS } from '@lamplighter/contracts/bounds';
import { AnswerAfterRestart, CommandRejected, type Execute, executeCommand } from './execute-command.js';

const run = async (execute: Execute) => (await executeCommand(execute, { led_on: true }, undefined)).answer;

describe('the answer to a command', () => {
  it.each<[string, Execute, object]>([
    ['nothing returned', () => undefined, { status: 'succeeded' }],
    ['a result', () => ({ was: false }), { status: 'succeeded', result: { was: false } }],
    ['a promised result', async () => 42, { status: 'succeeded', result: 42 }],
    [
      'an error',
      () => {
        throw new Error('the lamp is broken');
      },
      { status: 'failed', reason: 'the lamp is broken' },
    ],
    ['a rejected promise', () => Promise.reject('stuck'), { status: 'failed', reason: 'stuck' }],
    [
      'a refusal',
      () => {
        throw new CommandRejected('there is no such lamp');
      },
      { status: 'rejected', reason: 'there is no such lamp' },
    ],
    ['a result that is no JSON', () => 1n, { status: 'succeeded', reason: 'its result is no JSON' }],
    ['a function as result', () => () => 1, { status: 'succeeded', reason: 'its result is no JSON' }],
    [
      'a huge result',
      () => 'x'.repeat(BOUNDS.maxResultBytes),
      { status: 'succeeded', reason: `its result exceeds ${BOUNDS.maxResultBytes} bytes` },
    ],
  ])('%s', async (_what, execute, answer) => {
    expect(await run(execute)).toEqual(answer);
  });

  it('has a reason of bounded length', async () => {
    const answer = await run(() => Promise.reject(new Error('x'.repeat(10_000))));
    expect(answer.reason).toHaveLength(BOUNDS.maxReasonLength);
  });

  it('may be for after a restart, which is left to the caller', async () => {
    const restart = () => {
      throw new Error('restarted');
    };
    const execution = await executeCommand(
      () => new AnswerAfterRestart(restart, 7),
      { reboot: true },
      undefined,
    );
    expect(execution).toEqual({ answer: { status: 'succeeded', result: 7 }, restart });
  });
});
