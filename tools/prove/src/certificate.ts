import type { CommandState } from '@lamplighter/contracts/commands/command';
import type { CheckResult } from './checks/check-run.js';
import { groupBy } from './checks/group-by.js';
import { VIOLATIONS } from './checks/violation.js';
import type { Evidence } from './evidence/evidence.js';

/** Maximum number of violations listed per kind. */
const MAX_LISTED = 10;
const WIDTH = 34;

/** The result of a run as text. */
export function certificate(evidence: Evidence, result: CheckResult): string {
  const { about, faults } = evidence;
  const { readings, commands, violations } = result;
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
    line('readings dropped by devices', `${readings.dropped}, all reported`),
    line('readings rejected', `${readings.rejected}, all reported`),
    line('commands accepted over REST', commands.accepted),
    line('commands rejected over REST', commands.rejected),
    line('commands executed', commands.executed),
    ...(['succeeded', 'failed', 'rejected', 'cancelled', 'superseded', 'expired', 'unknown'] as const).map(
      (name) => line(`commands ${name}`, state(name)),
    ),
    '',
    ...VIOLATIONS.map((kind) => line(kind, byKind.get(kind)?.length ?? 0)),
    ...[...byKind].flatMap(([kind, found]) => [
      '',
      `${kind}:`,
      ...found.slice(0, MAX_LISTED).map(({ what }) => `  ${what}`),
      ...(found.length > MAX_LISTED ? [`  and ${found.length - MAX_LISTED} more`] : []),
    ]),
  ].join('\n');
}
