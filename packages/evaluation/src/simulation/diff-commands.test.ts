import fc from 'fast-check';
import { type CommandChange, diffCommands } from './diff-commands.js';
import type { SimulatedCommand } from './simulate.js';

const on = (at: number): SimulatedCommand => ({
  device: 'lamp',
  at,
  action: { led_on: true },
  reason: 'change',
});
const off = (at: number): SimulatedCommand => ({ ...on(at), action: { led_on: false } });
const summaryOf = (changes: readonly CommandChange[]) =>
  changes.map((change) =>
    change.kind === 'moved'
      ? `moved ${change.command.at} to ${change.to.at}`
      : `${change.kind} ${change.command.at}`,
  );

it.each<[string, SimulatedCommand[], SimulatedCommand[], number, string[]]>([
  ['no change', [on(1), off(2)], [on(1), off(2)], 2, []],
  ['new commands', [on(1), off(5)], [on(1), off(3), on(4), off(5)], 2, ['added 3', 'added 4']],
  ['fewer commands', [on(1), off(2), on(3)], [on(1)], 1, ['dropped 2', 'dropped 3']],
  ['later commands', [on(1), off(5), on(9)], [on(2), off(6), on(9)], 1, ['moved 1 to 2', 'moved 5 to 6']],
  ['a dropped command next to a moved one', [on(1), on(20)], [on(21)], 0, ['dropped 1', 'moved 20 to 21']],
  ['an added command next to a moved one', [on(21)], [on(1), on(20)], 0, ['added 1', 'moved 21 to 20']],
  ['no move past an unchanged command', [on(1), on(5)], [on(5), on(9)], 1, ['dropped 1', 'added 9']],
  ['another action', [on(1)], [{ ...on(1), action: { led_on: 1 } }], 0, ['dropped 1', 'added 1']],
])('diffCommands finds %s', (_, present, candidate, same, changes) => {
  expect(diffCommands(present, candidate)).toMatchObject({ same });
  expect(summaryOf(diffCommands(present, candidate).changes)).toEqual(changes);
});

it('diffCommands ignores the order of keys', () => {
  const [a, b] = [
    { x: 1, y: { p: [1], q: 2 } },
    { y: { q: 2, p: [1] }, x: 1 },
  ];
  expect(diffCommands([{ ...on(1), action: a }], [{ ...on(1), action: b }])).toEqual({
    same: 1,
    changes: [],
  });
});

const commands = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.boolean()), { maxLength: 25 })
  .map((all) => all.map(([at, isOn]) => (isOn ? on(at) : off(at))).sort((a, b) => a.at - b.at));

it('diffCommands accounts for every command once, and finds no change between equal lists', () => {
  fc.assert(
    fc.property(commands, commands, (present, candidate) => {
      const { same, changes } = diffCommands(present, candidate);
      const count = (kind: CommandChange['kind']) => changes.filter((change) => change.kind === kind).length;
      expect(same + count('moved') + count('dropped')).toBe(present.length);
      expect(same + count('moved') + count('added')).toBe(candidate.length);
      const touched = changes.flatMap((change) => [
        change.command,
        ...(change.kind === 'moved' ? [change.to] : []),
      ]);
      expect(new Set(touched).size).toBe(touched.length);
      expect(diffCommands(present, present).changes).toEqual([]);
    }),
  );
});

it('diffCommands is symmetric', () => {
  const opposite = { added: 'dropped', dropped: 'added', moved: 'moved' } as const;
  fc.assert(
    fc.property(commands, commands, (present, candidate) => {
      const kinds = (changes: readonly CommandChange[]) => changes.map(({ kind }) => kind).sort();
      expect(kinds(diffCommands(candidate, present).changes)).toEqual(
        diffCommands(present, candidate)
          .changes.map(({ kind }) => opposite[kind])
          .sort(),
      );
    }),
  );
});
