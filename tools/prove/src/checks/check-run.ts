import type { CommandState } from '@lamplighter/contracts/commands/command';
import type { Evidence } from '../evidence/evidence.js';
import { checkCommands } from './commands.js';
import { checkExecutions } from './executions.js';
import { checkLedger } from './ledger.js';
import { checkReadings, type ReadingCounts } from './readings.js';
import type { Violation } from './violation.js';

/** The result of all checks. */
export interface CheckResult {
  readonly readings: ReadingCounts;
  readonly commands: {
    /** Accepted over REST. */
    readonly accepted: number;
    readonly rejected: number;
    /** Commands that the API lists, those of rules included, by state. */
    readonly states: ReadonlyMap<CommandState, number>;
    readonly executed: number;
  };
  readonly violations: readonly Violation[];
}

/** Checks a run by its evidence alone. */
export function checkRun({ fleets, requests, about }: Evidence): CheckResult {
  const violations: Violation[] = about.unsettled.map((what) => ({
    kind: 'not settled in time',
    what,
  }));
  const readings: ReadingCounts = { taken: 0, stored: 0, dropped: 0, rejected: 0 };
  const states = new Map<CommandState, number>();
  let executed = 0;
  for (const evidence of fleets) {
    const ofFleet = requests.filter(({ fleet }) => fleet === evidence.fleet);
    const checked = checkReadings(evidence);
    for (const key of ['taken', 'stored', 'dropped', 'rejected'] as const)
      readings[key] += checked.counts[key];
    violations.push(
      ...checked.violations,
      ...checkCommands(evidence, ofFleet),
      ...checkExecutions(evidence),
      ...checkLedger(evidence, ofFleet),
    );
    for (const { state } of evidence.commands) states.set(state, (states.get(state) ?? 0) + 1);
    if (checked.counts.taken === 0)
      violations.push({
        kind: 'evidence missing',
        what: `the devices of ${evidence.fleet} have written no journal`,
      });
    executed += evidence.journal.filter(({ event }) => event === 'executed').length;
  }
  const count = (outcome: string) => requests.filter((request) => request.outcome === outcome).length;
  return {
    readings,
    commands: { accepted: count('accepted'), rejected: count('rejected'), states, executed },
    violations,
  };
}
