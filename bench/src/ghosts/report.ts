import { type Design, deviceName } from './designs/design.js';
import { countViolations, type Violation, type ViolationKind } from './outage/find-violations.js';
import { actionOf } from './outage/outage-log.js';
import type { Step } from './outage/script.js';

/** A row of the table. */
export interface Row {
  readonly design: Design;
  readonly offences: readonly Violation[];
}

const COLUMNS: readonly (readonly [title: string, ghost: ViolationKind])[] = [
  ['executed though stale', 'stale'],
  ['newest command lost', 'newestLost'],
  ['steps of a sequence lost', 'stepLost'],
  ['devices in a wrong final state', 'wrongState'],
  ['executed out of order', 'outOfOrder'],
  ['executed twice', 'twice'],
];

/** The table and a line of explanation per design, as Markdown. */
export function violationsMarkdown(
  rows: readonly Row[],
  script: readonly Step[],
  { seed, devices }: { seed: number; devices: number },
): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const table = [
    line(['design', ...COLUMNS.map(([title]) => title)]),
    line(['---', ...COLUMNS.map(() => '---:')]),
    ...rows.map(({ design, offences }) => {
      const counts = countViolations(offences);
      return line([design.name, ...COLUMNS.map(([, ghost]) => counts[ghost])]);
    }),
  ];
  const why = rows.map(({ design }) => `- **${design.name}**: ${design.explanation}`);
  return [`${describe(script)} (${devices} devices, seed ${seed}):`, table.join('\n'), why.join('\n')].join(
    '\n\n',
  );
}

function describe(script: readonly Step[]): string {
  const commands = script.flatMap((step) => ('command' in step ? [step.command] : []));
  const steps = commands.filter(({ kind }) => kind === 'ordered');
  const lanes = new Set(
    commands.filter(({ kind }) => kind === 'latest').map(({ device, lane }) => `${device}/${lane}`),
  );
  return `${commands.length} commands, ${steps.length} of them steps of a sequence, the others in ${lanes.size} lanes in which the newest counts`;
}

/** The offences by command, for a row that must be zero. */
export function violationsText(offences: readonly Violation[]): string {
  return offences
    .map(
      ({ ghost, command }) =>
        `  ${ghost}: ${deviceName(command.device)} ${JSON.stringify(actionOf(command))}`,
    )
    .join('\n');
}
