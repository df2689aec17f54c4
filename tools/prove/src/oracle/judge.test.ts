import { type ExampleCommand, exampleRun } from '../../test/example-run.js';
import { MUTATIONS, mutate } from '../../test/mutate.js';
import type { FleetEvidence } from '../evidence/evidence.js';
import { judge } from './judge.js';

const found = (run: ReturnType<typeof exampleRun>) => judge(run).violations.map(({ kind }) => kind);
const fleetOf = (change: (fleet: FleetEvidence) => Partial<FleetEvidence>) => {
  const [fleet] = exampleRun().fleets;
  return { fleet: change(fleet!) };
};
const ledgerWith = (section: 'readings' | 'commands', change: object) =>
  fleetOf(({ ledger }) => ({ ledger: { ...ledger!, [section]: { ...ledger![section], ...change } } }));
const command = (id: string, seq: number, more: Partial<ExampleCommand> = {}): ExampleCommand => ({
  id,
  seq,
  states: [
    ['pending', seq],
    ['dispatched', seq + 1],
    ['succeeded', seq + 2],
  ],
  executed: seq + 1,
  ...more,
});

describe('the oracle', () => {
  it('finds nothing in a run in which every promise was kept', () => {
    const verdict = judge(exampleRun());
    expect(verdict.violations).toEqual([]);
    expect(verdict.readings).toEqual({ taken: 3, stored: 2, dropped: 1, refused: 0 });
    expect(Object.fromEntries(verdict.commands.states)).toEqual({ succeeded: 2, superseded: 1, expired: 1 });
  });

  it.each(Object.entries(MUTATIONS))(
    'finds the defect "%s" when it is put in on purpose',
    (name, { finds }) => {
      expect(found(mutate(exampleRun(), name))).toContain(finds);
    },
  );

  it('does not count a reading with a receipt as lost if its device was not looked at in time', () => {
    const unseen = fleetOf(() => ({
      stored: new Map(),
      gaps: new Set([exampleRun().fleets[0]!.journal[0]!.device]),
    }));
    expect(found(exampleRun(unseen))).toContain('evidence missing');
    expect(found(exampleRun(unseen))).not.toContain('readings lost');
  });

  it.each<[string, string, Parameters<typeof exampleRun>[0]]>([
    ['a receipt for what was never stored', 'readings lost', fleetOf(() => ({ stored: new Map() }))],
    [
      'a command without an end',
      'commands lost',
      { commands: [command('a', 1, { states: [['pending', 1]], executed: undefined! })] },
    ],
    [
      'a success that never happened',
      'states that contradict the device',
      { commands: [{ id: 'a', seq: 1, states: command('a', 1).states }] },
    ],
    [
      'an execution of what was cancelled',
      'states that contradict the device',
      {
        commands: [
          command('a', 1, {
            states: [
              ['pending', 1],
              ['cancelled', 2],
            ],
          }),
        ],
      },
    ],
    [
      'a superseded command that was executed before it was superseded: it was told to be out of reach',
      'states that contradict the device',
      {
        commands: [
          command('a', 1, {
            states: [
              ['pending', 1],
              ['superseded', 9],
            ],
            executed: 2,
          }),
        ],
      },
    ],
    [
      'a word after the last one',
      'final states that changed',
      {
        commands: [
          command('a', 1, {
            states: [
              ['pending', 1],
              ['unknown', 2],
              ['succeeded', 3],
            ],
          }),
        ],
      },
    ],
    [
      'an ordered command that does not wait for the one before',
      'out of order',
      {
        commands: [
          command('a', 1, { policy: 'ordered', states: [...command('a', 1).states, ['succeeded', 9]] }),
          command('b', 2, { policy: 'ordered' }),
        ],
      },
    ],
    [
      'ordered commands that are numbered against the order of their acceptance',
      'out of order',
      {
        commands: [
          command('a', 9, { policy: 'ordered', executed: 20 }),
          command('b', 1, { policy: 'ordered', executed: 10 }),
        ],
      },
    ],
    ['a loss that the ledger knows', 'books that do not balance', ledgerWith('readings', { unexplained: 1 })],
    [
      'a command too many in the ledger',
      'books that do not balance',
      ledgerWith('commands', { succeeded: 3 }),
    ],
    ['a reading too many in the ledger', 'books that do not balance', ledgerWith('readings', { late: 1 })],
    ['that nobody has written a journal', 'evidence missing', { journal: [], commands: [] }],
    ['no ledger', 'books that do not balance', { fleet: { ledger: undefined } }],
  ])('finds %s', (_what, kind, run) => {
    expect(found(exampleRun(run))).toContain(kind);
  });

  it('lets commands of other lanes and of policy "latest" overtake each other', () => {
    const commands = [command('a', 1), command('b', 2), command('c', 1, { lane: 'pump', policy: 'ordered' })];
    expect(found(exampleRun({ commands }))).toEqual([]);
  });

  it('tells what did not come to rest', () => {
    const run = exampleRun();
    const verdict = judge({ ...run, about: { ...run.about, unsettled: ['3 commands are open'] } });
    expect(verdict.violations).toEqual([
      { kind: 'not settled in the quiet time', what: '3 commands are open' },
    ]);
  });
});
