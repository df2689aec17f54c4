import type { StreamableFile } from '@nestjs/common';
import { type ExportFormat, exportRows } from '../responses/export.js';
import type { readingBody } from './device-body.js';

type ReadingRow = ReturnType<typeof readingBody>;

/** Readings as lines; in CSV each measurement has its own column. */
export function exportReadings(format: ExportFormat, readings: readonly ReadingRow[]): StreamableFile {
  const names = [...new Set(readings.flatMap(({ measurements }) => Object.keys(measurements)))].sort();
  return exportRows(
    format,
    readings,
    ['receivedAt', 'at', 'seq', 'late', ...names],
    ({ receivedAt, at, seq, late, measurements }: ReadingRow) => [
      receivedAt,
      at,
      seq,
      late,
      ...names.map((name) => measurements[name]),
    ],
  );
}
