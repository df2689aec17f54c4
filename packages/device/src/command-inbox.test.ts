import type { Answer, CommandEnvelope } from '@lamplighter/contracts/command';
import fc from 'fast-check';
import { CommandInbox } from './command-inbox.js';
import type { Execute } from './execute-command.js';

const NOW = 1_800_000_000_000;
const turn = () => new Promise((resolve) => setImmediate(resolve));

const command = (id: string, more: Partial<CommandEnvelope> = {}) => ({
  action: { led_on: true },
  envelope: { id, lane: 'led_on', seq: 1, attempt: 1, expiresAt: NOW + 1000, ...more },
});

/** An inbox whose answers are collected; the broker takes them unless told otherwise. */
function inboxWith(execute: Execute, { limits = { running: 2, remembered: 3 }, brokerTakes = true } = {}) {
  const answers: Answer[] = [];
  const link = { brokerTakes };
  const inbox = new CommandInbox(
    execute,
    (answer, delivered) => {
      answers.push(answer);
      if (link.brokerTakes) delivered?.();
    },
    limits,
  );
  return { inbox, answers, link, statuses: () => answers.map(({ id, status }) => `${id} ${status}`) };
}

describe('the command inbox', () => {
  it('acknowledges, executes, and answers with the result', async () => {
    const executed: unknown[] = [];
    const { inbox, answers } = inboxWith((action) => {
      executed.push(action);
      return 'done';
    });
    expect(inbox.receive(command('a'), NOW)).toBe('executed');
    await turn();
    expect(executed).toEqual([{ led_on: true }]);
    expect(answers).toEqual([
      { id: 'a', status: 'acknowledged' },
      { id: 'a', status: 'succeeded', result: 'done' },
    ]);
  });

  it('executes a repeated command once and gives the stored answer again', async () => {
    let executions = 0;
    const { inbox, answers } = inboxWith(() => ++executions);
    inbox.receive(command('a'), NOW);
    await turn();
    expect(inbox.receive(command('a', { attempt: 2 }), NOW)).toBe('repeated');
    await turn();
    expect(executions).toBe(1);
    expect(answers.at(-1)).toEqual({ id: 'a', status: 'succeeded', result: 1 });
  });

  it('acknowledges a repeated command that still runs, and answers once it ends', async () => {
    let finish = (_result: string) => {};
    const { inbox, statuses } = inboxWith(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    inbox.receive(command('a'), NOW);
    expect(inbox.receive(command('a'), NOW)).toBe('repeated');
    finish('done');
    await turn();
    expect(statuses()).toEqual(['a acknowledged', 'a acknowledged', 'a succeeded']);
  });

  it('refuses an expired command, also when it comes again', async () => {
    const { inbox, answers } = inboxWith(() => {
      throw new Error('executed');
    });
    expect(inbox.receive(command('a', { expiresAt: NOW }), NOW)).toBe('expired');
    expect(inbox.receive(command('a', { expiresAt: NOW }), NOW)).toBe('repeated');
    await turn();
    const refused = { id: 'a', status: 'rejected', reason: 'expired' };
    expect(answers).toEqual([refused, refused]);
  });

  it('rejects as busy what exceeds the running commands', () => {
    const { inbox, answers } = inboxWith(() => new Promise(() => {}));
    const arrivals = ['a', 'b', 'c'].map((id) => inbox.receive(command(id), NOW));
    expect(arrivals).toEqual(['executed', 'executed', 'busy']);
    expect(answers.at(-1)).toEqual({ id: 'c', status: 'rejected', reason: 'busy' });
    expect(inbox.receive({ action: { led_on: true } }, NOW)).toBe('busy');
  });

  it('executes a bare command and answers nothing', async () => {
    let executions = 0;
    const { inbox, answers } = inboxWith(() => ++executions);
    expect(inbox.receive({ action: { led_on: true } }, NOW)).toBe('executed');
    await turn();
    expect({ executions, answers }).toEqual({ executions: 1, answers: [] });
  });

  it('sends again what the broker may not have, and only that', async () => {
    const { inbox, link, answers } = inboxWith(() => undefined, { brokerTakes: false });
    inbox.receive(command('a'), NOW);
    await turn();
    link.brokerTakes = true;
    answers.length = 0;
    inbox.resend();
    inbox.resend();
    expect(answers).toEqual([{ id: 'a', status: 'succeeded' }]);
  });

  it('never holds more than its bounds, and never forgets a command that runs', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { maxLength: 200 }), (ids) => {
        const running = new Set<string>();
        const { inbox } = inboxWith((_action, envelope) => {
          expect(running).not.toContain(envelope?.id);
          running.add(String(envelope?.id));
          return new Promise(() => {});
        });
        for (const id of ids) inbox.receive(command(String(id)), NOW);
        expect(running.size).toBeLessThanOrEqual(2);
      }),
    );
  });
});
