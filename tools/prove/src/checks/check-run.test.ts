import { type ExampleCommand, exampleRun } from '../../test/example-run.js';
import { MUTATIONS, mutate } from '../../test/mutate.js';
import type { FleetEvidence } from '../evidence/evidence.js';
import { checkRun } from './check-run.js';

const found = (run: ReturnType<typeof exampleRun>) => checkRun(run).violations.map(({ kind }) => kind);
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

describe('checkRun', () => {
  it('finds no violation in a run that kept every promise', () => {
    const result = checkRun(exampleRun());
    expect(result.violations).toEqual([]);
    expect(result.readings).toEqual({ taken: 3, stored: 2, dropped: 1, rejected: 0 });
    expect(Object.fromEntries(result.commands.states)).toEqual({ succeeded: 2, superseded: 1, expired: 1 });
  });

  it.each(Object.entries(MUTATIONS))('finds the injected defect "%s"', (name, { finds }) => {
    expect(found(mutate(exampleRun(), name))).toContain(finds);
  });

  it('does not count a reading with a receipt as lost if its device was not looked at in time', () => {
    const unseen = fleetOf(() => ({
      stored: new Map(),
      gaps: new Set([exampleRun().fleets[0]!.journal[0]!.device]),
    }));
    expect(found(exampleRun(unseen))).toContain('evidence missing');
    expect(found(exampleRun(unseen))).not.toContain('readings lost');
  });

  it.each<[string, string, Parameters<typeof exampleRun>[0]]>([
    [
      'a receipt for a reading that was never stored',
      'readings lost',
      fleetOf(() => ({ stored: new Map() })),
    ],
    [
      'a command that never ends',
      'commands lost',
      { commands: [command('a', 1, { states: [['pending', 1]], executed: undefined! })] },
    ],
    [
      'a succeeded command that was never executed',
      'states that contradict the device',
      { commands: [{ id: 'a', seq: 1, states: command('a', 1).states }] },
    ],
    [
      'an execution of a cancelled command',
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
      'a superseded command that was executed earlier',
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
      'a transition after the final state',
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
      'an ordered command dispatched before the previous one ended',
      'out of order',
      {
        commands: [
          command('a', 1, { policy: 'ordered', states: [...command('a', 1).states, ['succeeded', 9]] }),
          command('b', 2, { policy: 'ordered' }),
        ],
      },
    ],
    [
      'ordered commands numbered against the order of their acceptance',
      'out of order',
      {
        commands: [
          command('a', 9, { policy: 'ordered', executed: 20 }),
          command('b', 1, { policy: 'ordered', executed: 10 }),
        ],
      },
    ],
    [
      'an unexplained reading in the ledger',
      'ledger does not balance',
      ledgerWith('readings', { unexplained: 1 }),
    ],
    ['an extra command in the ledger', 'ledger does not balance', ledgerWith('commands', { succeeded: 3 })],
    ['an extra reading in the ledger', 'ledger does not balance', ledgerWith('readings', { late: 1 })],
    ['a missing journal', 'evidence missing', { journal: [], commands: [] }],
    ['a missing ledger', 'ledger does not balance', { fleet: { ledger: undefined } }],
  ])('finds %s', (_what, kind, run) => {
    expect(found(exampleRun(run))).toContain(kind);
  });

  it('allows commands of other lanes and of policy "latest" to overtake each other', () => {
    const commands = [command('a', 1), command('b', 2), command('c', 1, { lane: 'pump', policy: 'ordered' })];
    expect(found(exampleRun({ commands }))).toEqual([]);
  });

  it('reports what did not settle', () => {
    const run = exampleRun();
    const result = checkRun({ ...run, about: { ...run.about, unsettled: ['3 commands are open'] } });
    expect(result.violations).toEqual([{ kind: 'not settled in time', what: '3 commands are open' }]);
  });
});
