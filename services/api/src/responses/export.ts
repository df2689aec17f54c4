import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '../problems/problem.js';

/** Export formats other than JSON, by media type. */
export const EXPORT_TYPES = { csv: 'text/csv', ndjson: 'application/x-ndjson' } as const;
export type ExportFormat = keyof typeof EXPORT_TYPES;

/** The export format that the Accept header selects; undefined for JSON. */
export function exportFormat({ accept = '' }: IncomingHttpHeaders): ExportFormat | undefined {
  for (const range of accept.toLowerCase().split(',')) {
    const type = range.split(';')[0]!.trim();
    if (type === EXPORT_TYPES.csv) return 'csv';
    if (type === EXPORT_TYPES.ndjson) return 'ndjson';
    if (type === 'application/json') return undefined;
  }
  return undefined;
}

const time = z.iso.datetime({
  offset: true,
  error: 'must be an ISO 8601 time such as "2026-11-22T12:00:00Z"',
});

/** A span of time in a query. */
export const spanQuery = {
  from: time
    .optional()
    .meta({ description: 'Only from this time (inclusive), ISO 8601', examples: ['2026-11-22T12:00:00Z'] }),
  to: time
    .optional()
    .meta({ description: 'Only before this time (exclusive), ISO 8601', examples: ['2026-11-22T13:00:00Z'] }),
};

/** A predicate for times in milliseconds. @throws Problem `invalid-request` if the span is empty */
export function inSpan({ from, to }: { from?: string | undefined; to?: string | undefined }) {
  const first = from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from);
  const end = to === undefined ? Number.POSITIVE_INFINITY : Date.parse(to);
  if (first >= end)
    throw new Problem('invalid-request', 'The query has 1 invalid field; see errors.', {
      errors: [{ in: 'query', pointer: '/to', detail: 'must be after "from"' }],
    });
  return (ms: number) => ms >= first && ms < end;
}

type Cell = string | number | boolean | null | undefined | object;

/** One line per row, generated as fast as the client reads. */
export function exportRows(
  format: ExportFormat,
  rows: Iterable<object>,
  columns: readonly string[],
  cellsOf: (row: never) => readonly Cell[],
): StreamableFile {
  function* lines() {
    if (format === 'csv') yield csvLine(columns);
    for (const row of rows)
      yield format === 'csv' ? csvLine(cellsOf(row as never)) : `${JSON.stringify(row)}\n`;
  }
  return new StreamableFile(Readable.from(lines(), { objectMode: false }), {
    type: `${EXPORT_TYPES[format]}; charset=utf-8`,
  });
}

/** RFC 4180; objects are written as JSON. */
function csvLine(cells: readonly Cell[]): string {
  const texts = cells.map((cell) => {
    if (cell === undefined || cell === null) return '';
    const text = typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${texts.join(',')}\r\n`;
}
