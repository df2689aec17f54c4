import { FINAL_STATES } from '@lamplighter/contracts/commands/command';
import type { Asked, FleetEvidence } from '../evidence/evidence.js';
import { groupBy } from './group-by.js';
import type { Violation } from './violation.js';

/** The service's own books explain everything, and agree with what was asked of it and what it shows. */
export function judgeBooks(
  { fleet, ledger, commands, stored }: FleetEvidence,
  asked: readonly Asked[],
): Violation[] {
  if (ledger === undefined)
    return [{ kind: 'books that do not balance', what: `${fleet}: the API shows no ledger` }];
  const { readings, commands: books } = ledger;
  const accepted = asked.filter(({ outcome }) => outcome === 'accepted').length;
  const certain = asked.every(({ outcome }) => outcome !== 'unanswered');
  const seen = [...stored.values()].reduce((sum, seqs) => sum + new Set(seqs).size, 0);
  const shown = groupBy(commands, ({ state }) => state);
  const expected: [what: string, books: unknown, found: number][] = [
    ['readings unexplained', readings.unexplained, 0],
    ['readings stored and late', readings.stored + readings.late, seen],
    ['commands unexplained', books.unexplained, 0],
    ['commands open', books.open, 0],
    ...(certain
      ? [['commands issued over REST', books.issued.api, accepted] as [string, unknown, number]]
      : []),
    ...FINAL_STATES.map(
      (state) =>
        [`commands ${state}`, books[state], shown.get(state)?.length ?? 0] as [string, unknown, number],
    ),
  ];
  return expected
    .filter(([, inBooks, found]) => inBooks !== found)
    .map(([what, inBooks, found]) => ({
      kind: 'books that do not balance' as const,
      what: `${fleet}: ${what} ${inBooks} in the ledger, ${found} as counted here`,
    }));
}
