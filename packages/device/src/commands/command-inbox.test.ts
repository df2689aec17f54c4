import type { Acknowledgement, CommandEnvelope } from '@lamplighter/contracts/commands/command';
import fc from 'fast-check';
import type { DeviceEvent } from '../device-event.js';
import { MemoryStorage, StorageFailed } from '../storage/storage.js';
import { CommandInbox, DEFAULT_INBOX_LIMITS, type InboxLimits } from './command-inbox.js';
import { AcknowledgeAfterRestart, type Execute } from './execute-command.js';

const NOW = 1_800_000_000_000;
const now = () => NOW;
const turn = () => new Promise((resolve) => setImmediate(resolve));
const never = () => new Promise(() => {});

const command = (id: string, more: Partial<CommandEnvelope> = {}) => ({
  action: { led_on: true },
  envelope: { id, lane: `lane-of-${id}`, seq: 1, attempt: 1, expiresAt: NOW + 1000, ...more },
});

interface Given {
  limits?: Partial<InboxLimits>;
  storage?: MemoryStorage;
  survivesRestart?: boolean;
  confirms?: boolean;
}

/** An inbox and the acknowledgements that it sends. They are confirmed unless `confirms` is false. */
function inboxWith(execute: Execute, given: Given = {}) {
  const { storage = new MemoryStorage(), survivesRestart = true, confirms = true } = given;
  const acknowledgements: Acknowledgement[] = [];
  const traces: (string | undefined)[] = [];
  const events: DeviceEvent[] = [];
  const link = { confirms };
  const inbox = new CommandInbox({
    execute,
    send: (acknowledgement, delivered, traceparent) => {
      acknowledgements.push(acknowledgement);
      traces.push(traceparent);
      if (link.confirms) delivered?.();
    },
    storage,
    survivesRestart,
    limits: { ...DEFAULT_INBOX_LIMITS, ...given.limits },
    onEvent: (event) => events.push(event),
  });
  const statuses = () => acknowledgements.map(({ id, status }) => `${id} ${status}`);
  return { inbox, acknowledgements, traces, link, statuses, storage, events };
}

describe('CommandInbox', () => {
  it('acknowledges a command, executes it and sends the result', async () => {
    const executed: unknown[] = [];
    const { inbox, acknowledgements } = inboxWith((action) => {
      executed.push(action);
      return 'done';
    });
    expect(inbox.receive(command('a'), now)).toBe('executed');
    await turn();
    expect(executed).toEqual([{ led_on: true }]);
    expect(acknowledgements).toEqual([
      { id: 'a', status: 'acknowledged' },
      { id: 'a', status: 'succeeded', result: 'done' },
    ]);
  });

  it('passes the trace context to the program and to each acknowledgement', async () => {
    const handed: unknown[] = [];
    const { inbox, traces } = inboxWith((_action, _envelope, trace) => void handed.push(trace));
    inbox.receive({ ...command('a'), traceparent: 'the trace' }, now);
    await turn();
    inbox.receive({ ...command('a', { attempt: 2 }), traceparent: 'the trace' }, now);
    inbox.receive(command('b', { lane: 'other' }), now);
    await turn();
    expect(handed).toEqual(['the trace', undefined]);
    expect(traces).toEqual(['the trace', 'the trace', 'the trace', undefined, undefined]);
  });

  it('executes a repeated command once and resends the stored acknowledgement', async () => {
    let executions = 0;
    const { inbox, acknowledgements } = inboxWith(() => ++executions);
    inbox.receive(command('a'), now);
    await turn();
    expect(inbox.receive(command('a', { attempt: 2 }), now)).toBe('repeated');
    expect(executions).toBe(1);
    expect(acknowledgements.at(-1)).toEqual({ id: 'a', status: 'succeeded', result: 1 });
  });

  it('acknowledges a repeated command that is running, and sends the result once', async () => {
    let finish = (_result: string) => {};
    const { inbox, statuses } = inboxWith(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    inbox.receive(command('a'), now);
    expect(inbox.receive(command('a'), now)).toBe('repeated');
    finish('done');
    await turn();
    expect(statuses()).toEqual(['a acknowledged', 'a acknowledged', 'a succeeded']);
  });

  it('rejects an expired command, even when it is repeated', () => {
    const { inbox, acknowledgements } = inboxWith(() => {
      throw new Error('executed');
    });
    expect(inbox.receive(command('a', { expiresAt: NOW }), now)).toBe('expired');
    expect(inbox.receive(command('a', { expiresAt: NOW }), now)).toBe('repeated');
    const rejected = { id: 'a', status: 'rejected', reason: 'expired' };
    expect(acknowledgements).toEqual([rejected, rejected]);
  });

  it('rejects a command that expires during a slow write', () => {
    const { inbox, events } = inboxWith(never);
    const times = [NOW, NOW + 1000];
    expect(inbox.receive(command('a'), () => times.shift() ?? 0)).toBe('expired');
    expect(events.map(({ event }) => event)).toEqual(['command', 'answered']);
  });

  it('rejects a command that a newer one of its lane has overtaken', () => {
    const { inbox, acknowledgements } = inboxWith(never);
    const arrivals = [5, 4, 5, 6].map((seq) =>
      inbox.receive(command(`c${seq}-${Math.random()}`, { lane: 'x', seq }), now),
    );
    expect(arrivals).toEqual(['executed', 'overtaken', 'overtaken', 'executed']);
    expect(acknowledgements.filter(({ reason }) => reason === 'overtaken')).toHaveLength(2);
    expect(inbox.receive(command('other', { lane: 'y', seq: 1 }), now)).toBe('executed');
  });

  it('rejects commands as busy at the limit of running commands', () => {
    const { inbox, acknowledgements } = inboxWith(never, { limits: { running: 2 } });
    const arrivals = ['a', 'b', 'c'].map((id) => inbox.receive(command(id), now));
    expect(arrivals).toEqual(['executed', 'executed', 'busy']);
    expect(acknowledgements.at(-1)).toEqual({ id: 'c', status: 'rejected', reason: 'busy' });
    expect(inbox.receive({ action: { led_on: true } }, now)).toBe('busy');
  });

  it('executes a bare command without an acknowledgement', async () => {
    let executions = 0;
    const { inbox, acknowledgements } = inboxWith(() => ++executions);
    expect(inbox.receive({ action: { led_on: true } }, now)).toBe('executed');
    await turn();
    expect({ executions, acknowledgements }).toEqual({ executions: 1, acknowledgements: [] });
  });

  it('resends only acknowledgements whose delivery is not confirmed', async () => {
    const { inbox, link, acknowledgements } = inboxWith(() => undefined, { confirms: false });
    inbox.receive(command('a'), now);
    await turn();
    link.confirms = true;
    acknowledgements.length = 0;
    inbox.resend();
    inbox.resend();
    expect(acknowledgements).toEqual([{ id: 'a', status: 'succeeded' }]);
  });

  it('rejects a command that it cannot store', () => {
    const { inbox, storage, acknowledgements } = inboxWith(() => {
      throw new Error('executed');
    });
    storage.write = () => {
      throw new StorageFailed('the disk is full');
    };
    expect(inbox.receive(command('a'), now)).toBe('storage');
    expect(acknowledgements).toEqual([{ id: 'a', status: 'rejected', reason: 'storage' }]);
  });
});

describe('CommandInbox after a restart with the same storage', () => {
  it('repeats acknowledgements on request and resends unconfirmed ones', async () => {
    const first = inboxWith(() => 'done');
    first.inbox.receive(command('a'), now);
    await turn();
    first.link.confirms = false;
    first.inbox.receive(command('b'), now);
    await turn();
    const { inbox, acknowledgements } = inboxWith(never, { storage: first.storage });
    inbox.resend();
    expect(acknowledgements).toEqual([{ id: 'b', status: 'succeeded', result: 'done' }]);
    expect(inbox.receive(command('a'), now)).toBe('repeated');
    expect(acknowledgements.at(-1)).toEqual({ id: 'a', status: 'succeeded', result: 'done' });
  });

  it('remembers lane marks', () => {
    const { storage } = (() => {
      const before = inboxWith(never);
      before.inbox.receive(command('a', { lane: 'x', seq: 7 }), now);
      return before;
    })();
    const { inbox } = inboxWith(never, { storage });
    expect(inbox.receive(command('b', { lane: 'x', seq: 6 }), now)).toBe('overtaken');
    expect(inbox.receive(command('c', { lane: 'x', seq: 8 }), now)).toBe('executed');
  });

  it('fails a command that the restart interrupted, and does not execute it again', () => {
    const first = inboxWith(never);
    first.inbox.receive(command('a'), now);
    const { inbox, acknowledgements } = inboxWith(never, { storage: first.storage });
    expect(inbox.receive(command('a'), now)).toBe('repeated');
    expect(acknowledgements).toEqual([{ id: 'a', status: 'failed', reason: 'interrupted by a restart' }]);
  });

  it('acknowledges a restart command after the restart', async () => {
    let restarts = 0;
    const reboot = () => new AcknowledgeAfterRestart(() => ++restarts, 'well rested');
    const first = inboxWith(reboot);
    first.inbox.receive(command('a'), now);
    await turn();
    first.inbox.receive(command('a'), now);
    expect(restarts).toBe(1);
    expect(first.statuses()).toEqual(['a acknowledged', 'a acknowledged']);
    const { inbox, acknowledgements } = inboxWith(reboot, { storage: first.storage });
    inbox.resend();
    expect(acknowledgements).toEqual([{ id: 'a', status: 'succeeded', result: 'well rested' }]);
    expect(inbox.receive(command('a'), now)).toBe('repeated');
    expect(restarts).toBe(1);
  });

  it.each([
    ['without a storage that survives a restart', { survivesRestart: false }, () => {}, /no storage/],
    [
      'because the program cannot restart',
      {},
      () => {
        throw new Error('the watchdog does not respond');
      },
      /watchdog/,
    ],
  ])('fails a restart command %s', async (_when, given, restart, reason) => {
    const { inbox, acknowledgements } = inboxWith(() => new AcknowledgeAfterRestart(restart), given);
    inbox.receive(command('a'), now);
    await turn();
    expect(acknowledgements.at(-1)).toEqual({
      id: 'a',
      status: 'failed',
      reason: expect.stringMatching(reason),
    });
  });
});

describe('limits of CommandInbox', () => {
  it('keeps a bounded number of finished commands', async () => {
    const { inbox } = inboxWith((_action, envelope) => (envelope?.id.startsWith('runs') ? never() : 'done'), {
      limits: { remembered: 2 },
    });
    for (const id of ['a', 'b', 'runs-1', 'runs-2', 'runs-3']) {
      inbox.receive(command(id), now);
      await turn();
    }
    expect(inbox.receive(command('b'), now)).toBe('repeated');
  });

  it('resends after an evicted command is repeated, regardless of the delivery of its first acknowledgement', async () => {
    const delivered: (() => void)[] = [];
    const storage = new MemoryStorage();
    const inbox = new CommandInbox({
      execute: () => 'done',
      send: (_answer, taken) => void (taken && delivered.push(taken)),
      storage,
      survivesRestart: true,
      limits: { ...DEFAULT_INBOX_LIMITS, remembered: 1 },
    });
    for (const id of ['a', 'b', 'a']) {
      inbox.receive(command(id), now);
      await turn();
    }
    const isOwed = () => storage.get('owed:a') !== undefined;
    delivered[0]!();
    expect(isOwed()).toBe(true);
    delivered[2]!();
    expect(isOwed()).toBe(false);
  });
});

describe('CommandInbox under random traffic', () => {
  const arrivals = fc.array(
    fc.record({
      id: fc.nat(30),
      lane: fc.nat(6),
      seq: fc.integer({ min: 1, max: 20 }),
      restart: fc.boolean(),
    }),
    { maxLength: 200 },
  );
  const limits = { running: 2, remembered: 3, lanes: 6 };

  it('never executes an id twice or a lane out of order across restarts, within its limits', () => {
    fc.assert(
      fc.property(arrivals, (traffic) => {
        const storage = new MemoryStorage();
        const ran = new Set<string>();
        const highest = new Map<string, number>();
        const execute: Execute = (_action, envelope) => {
          if (envelope === undefined) return undefined;
          expect(ran).not.toContain(envelope.id);
          expect(envelope.seq).toBeGreaterThan(highest.get(envelope.lane) ?? 0);
          ran.add(envelope.id);
          highest.set(envelope.lane, envelope.seq);
          return never();
        };
        let { inbox } = inboxWith(execute, { storage, limits });
        // Like the server, always uses the same lane and number for an id.
        const sent = new Map<number, { lane: string; seq: number }>();
        for (const { id, lane, seq, restart } of traffic) {
          if (restart) inbox = inboxWith(execute, { storage, limits }).inbox;
          if (!sent.has(id)) sent.set(id, { lane: `l${lane}`, seq });
          inbox.receive(command(String(id), sent.get(id)), now);
          const keys = [...storage.entries()].map(([key]) => key.split(':')[0]);
          expect(keys.filter((key) => key === 'lane').length).toBeLessThanOrEqual(limits.lanes);
          expect(keys.filter((key) => key === 'command').length).toBeLessThanOrEqual(
            limits.remembered + limits.running + 1,
          );
        }
      }),
    );
  });

  it('evicts the least recently used lane', () => {
    const { inbox } = inboxWith(() => undefined, { limits: { lanes: 2 } });
    const take = (lane: string, seq: number) => inbox.receive(command(`${lane}${seq}`, { lane, seq }), now);
    expect([take('x', 5), take('y', 5), take('x', 6), take('z', 5)]).toEqual(Array(4).fill('executed'));
    expect([take('x', 4), take('y', 4)]).toEqual(['overtaken', 'executed']);
  });
});
