import { BOUNDS } from '@lamplighter/contracts/bounds';
import { AcknowledgeAfterRestart, CommandRejected, type Execute, executeCommand } from './execute-command.js';

const run = async (execute: Execute) =>
  (await executeCommand(execute, { led_on: true }, undefined)).acknowledgement;

describe('executeCommand', () => {
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
      'a rejection',
      () => {
        throw new CommandRejected('there is no such lamp');
      },
      { status: 'rejected', reason: 'there is no such lamp' },
    ],
    ['a result that is not JSON', () => 1n, { status: 'succeeded', reason: 'the result is not JSON' }],
    ['a function as result', () => () => 1, { status: 'succeeded', reason: 'the result is not JSON' }],
    [
      'a huge result',
      () => 'x'.repeat(BOUNDS.maxResultBytes),
      { status: 'succeeded', reason: `the result exceeds ${BOUNDS.maxResultBytes} bytes` },
    ],
  ])('%s', async (_what, execute, acknowledgement) => {
    expect(await run(execute)).toEqual(acknowledgement);
  });

  it('limits the length of the reason', async () => {
    const acknowledgement = await run(() => Promise.reject(new Error('x'.repeat(10_000))));
    expect(acknowledgement.reason).toHaveLength(BOUNDS.maxReasonLength);
  });

  it('returns a restart for the caller to perform', async () => {
    const restart = () => {
      throw new Error('restarted');
    };
    const execution = await executeCommand(
      () => new AcknowledgeAfterRestart(restart, 7),
      { reboot: true },
      undefined,
    );
    expect(execution).toEqual({ acknowledgement: { status: 'succeeded', result: 7 }, restart });
  });
});
