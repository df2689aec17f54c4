import type { StreamableFile } from '@nestjs/common';
import { type ExportFormat, exportRows } from '../responses/export.js';
import type { CommandBody } from './command.schema.js';

const COLUMNS = [
  'id',
  'createdAt',
  'lane',
  'policy',
  'source',
  'rule',
  'rollout',
  'action',
  'state',
  'since',
  'cause',
  'attempt',
  'expiresAt',
  'reason',
  'result',
] as const;

/** Commands as lines; CSV has only the last transition. */
export function exportCommands(format: ExportFormat, commands: readonly CommandBody[]): StreamableFile {
  return exportRows(format, commands, COLUMNS, (command: CommandBody) => {
    const last = command.transitions.at(-1);
    return [
      command.id,
      command.createdAt,
      command.lane,
      command.policy,
      command.source,
      command.rule,
      command.rollout,
      command.action,
      command.state,
      last?.at,
      last?.cause,
      command.attempt,
      command.expiresAt,
      command.answer?.reason,
      command.answer?.result as object | undefined,
    ];
  });
}
