import { FINAL_STATES } from '@lamplighter/contracts/commands/command';
import type { CommandRequest, FleetEvidence } from '../evidence/evidence.js';
import { groupBy } from './group-by.js';
import type { Violation } from './violation.js';

/** The service's ledger explains everything, and agrees with the requests sent and with what the API shows. */
export function checkLedger(
  { fleet, ledger, commands, stored }: FleetEvidence,
  requests: readonly CommandRequest[],
): Violation[] {
  if (ledger === undefined)
    return [{ kind: 'ledger does not balance', what: `${fleet}: the API shows no ledger` }];
  const { readings, commands: counts } = ledger;
  const accepted = requests.filter(({ outcome }) => outcome === 'accepted').length;
  const certain = requests.every(({ outcome }) => outcome !== 'unanswered');
  const seen = [...stored.values()].reduce((sum, seqs) => sum + new Set(seqs).size, 0);
  const shown = groupBy(commands, ({ state }) => state);
  const expected: [what: string, inLedger: unknown, counted: number][] = [
    ['readings unexplained', readings.unexplained, 0],
    ['readings stored and late', readings.stored + readings.late, seen],
    ['commands unexplained', counts.unexplained, 0],
    ['commands open', counts.open, 0],
    ...(certain
      ? [['commands issued over REST', counts.issued.api, accepted] as [string, unknown, number]]
      : []),
    ...FINAL_STATES.map(
      (state) =>
        [`commands ${state}`, counts[state], shown.get(state)?.length ?? 0] as [string, unknown, number],
    ),
  ];
  return expected
    .filter(([, inLedger, counted]) => inLedger !== counted)
    .map(([what, inLedger, counted]) => ({
      kind: 'ledger does not balance' as const,
      what: `${fleet}: ${what} ${inLedger} in the ledger, ${counted} counted`,
    }));
}
