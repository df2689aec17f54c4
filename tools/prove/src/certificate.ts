import type { CommandState } from '@lamplighter/contracts/commands/command';
import type { Evidence } from './evidence/evidence.js';
import { groupBy } from './oracle/group-by.js';
import type { Verdict } from './oracle/judge.js';
import { VIOLATIONS } from './oracle/violation.js';

/** Most violations of one kind that are told one by one. */
const TOLD = 10;
const WIDTH = 34;

/** What a run has proved, or what it has found, for a person to read. */
export function certificate(evidence: Evidence, verdict: Verdict): string {
  const { about, faults } = evidence;
  const { readings, commands, violations } = verdict;
  const line = (what: string, value: unknown) => `  ${what.padEnd(WIDTH)} ${value}`;
  const state = (name: CommandState) => commands.states.get(name) ?? 0;
  const byKind = groupBy(violations, ({ kind }) => kind);
  const faultsByKind = [...groupBy(faults, ({ kind, target }) => `${kind} ${target}`)]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([kind, injected]) => `${kind} ${injected.length}`);
  return [
    violations.length === 0 ? 'Certificate: every promise was kept' : 'NO CERTIFICATE: promises were broken',
    '',
    line('seed', about.seed),
    line(
      'duration',
      `${about.seconds} s, ${about.fleets.reduce((sum, { devices }) => sum + devices, 0)} devices`,
    ),
    line(
      'versions',
      Object.entries(about.versions)
        .map((entry) => entry.join(' '))
        .join(', '),
    ),
    line('faults injected', faults.length),
    ...faultsByKind.map((kind) => line('', kind)),
    '',
    line('readings taken', readings.taken),
    line('readings stored', readings.stored),
    line('readings dropped by devices', `${readings.dropped}, and said so`),
    line('readings refused', `${readings.refused}, and said so`),
    line('commands accepted over REST', commands.accepted),
    line('commands refused over REST', commands.refused),
    line('commands executed', commands.executed),
    ...(['succeeded', 'failed', 'rejected', 'cancelled', 'superseded', 'expired', 'unknown'] as const).map(
      (name) => line(`commands ${name}`, state(name)),
    ),
    '',
    ...VIOLATIONS.map((kind) => line(kind, byKind.get(kind)?.length ?? 0)),
    ...[...byKind].flatMap(([kind, found]) => [
      '',
      `${kind}:`,
      ...found.slice(0, TOLD).map(({ what }) => `  ${what}`),
      ...(found.length > TOLD ? [`  and ${found.length - TOLD} more`] : []),
    ]),
  ].join('\n');
}
