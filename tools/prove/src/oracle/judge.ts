import type { CommandState } from '@lamplighter/contracts/commands/command';
import type { Evidence } from '../evidence/evidence.js';
import { judgeBooks } from './books.js';
import { judgeCommands } from './commands.js';
import { judgeExecutions } from './executions.js';
import { judgeReadings, type ReadingCounts } from './readings.js';
import type { Violation } from './violation.js';

/** What the evidence shows. */
export interface Verdict {
  readonly readings: ReadingCounts;
  readonly commands: {
    /** Accepted over REST. */
    readonly accepted: number;
    readonly refused: number;
    /** All that the API shows, those of rules included, by state. */
    readonly states: ReadonlyMap<CommandState, number>;
    readonly executed: number;
  };
  readonly violations: readonly Violation[];
}

/** Judges a run by what its devices and the API say, and nothing else. */
export function judge({ fleets, asked, about }: Evidence): Verdict {
  const violations: Violation[] = about.unsettled.map((what) => ({
    kind: 'not settled in the quiet time',
    what,
  }));
  const readings: ReadingCounts = { taken: 0, stored: 0, dropped: 0, refused: 0 };
  const states = new Map<CommandState, number>();
  let executed = 0;
  for (const evidence of fleets) {
    const ofFleet = asked.filter(({ fleet }) => fleet === evidence.fleet);
    const judged = judgeReadings(evidence);
    for (const key of ['taken', 'stored', 'dropped', 'refused'] as const) readings[key] += judged.counts[key];
    violations.push(
      ...judged.violations,
      ...judgeCommands(evidence, ofFleet),
      ...judgeExecutions(evidence),
      ...judgeBooks(evidence, ofFleet),
    );
    for (const { state } of evidence.commands) states.set(state, (states.get(state) ?? 0) + 1);
    if (judged.counts.taken === 0)
      violations.push({
        kind: 'evidence missing',
        what: `the devices of ${evidence.fleet} have written nothing`,
      });
    executed += evidence.journal.filter(({ event }) => event === 'executed').length;
  }
  const count = (outcome: string) => asked.filter((request) => request.outcome === outcome).length;
  return {
    readings,
    commands: { accepted: count('accepted'), refused: count('refused'), states, executed },
    violations,
  };
}
