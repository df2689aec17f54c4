import type { Redis } from 'ioredis';
import { auditKey } from '../keys.js';
import { pipelined } from '../redis/pipelined.js';
import { SCOPES, type Scope } from './api-key.js';

/** Entries kept of each scope, about: commands must not displace the changes of keys and rules. */
const MAX_ENTRIES = 10_000;

/** A change that was requested over the API, or a request that its key did not allow. */
export interface AuditEntry {
  /** The id of the API key. */
  readonly key: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Address of the client, or of its proxy. */
  readonly from: string;
  /** HTTP status of the response; 499 if the client disconnected before. */
  readonly status: number;
  /** The resource that was created, if any. */
  readonly location?: string;
}

/** A stored entry. Its id, `<ms>-<n>`, contains the time of Redis. */
export interface AuditRecord extends AuditEntry {
  readonly id: string;
  readonly at: number;
  readonly scope: Scope;
}

/** Appends entries, each to the trail of the scope that its request needed. */
export async function appendAudit(
  redis: Redis,
  entries: readonly { readonly scope: Scope; readonly entry: AuditEntry }[],
): Promise<void> {
  await pipelined(redis, entries, (pipeline, { scope, entry }) =>
    pipeline.xadd(auditKey(scope), 'MAXLEN', '~', MAX_ENTRIES, '*', 'entry', JSON.stringify(entry)),
  );
}

/**
 * Reads entries, newest first.
 * @param before only entries before this id (the cursor)
 * @param scope only entries of this scope
 * @returns `limit` entries, or a few more if several have the same id; and the last id if more may follow
 */
export async function readAudit(
  redis: Redis,
  { limit, before, scope }: { limit: number; before?: string | undefined; scope?: Scope | undefined },
): Promise<{ records: AuditRecord[]; next?: string }> {
  const scopes = scope === undefined ? SCOPES : [scope];
  const from = before === undefined ? '+' : `(${before}`;
  const replies = (await pipelined(redis, scopes, (pipeline, each) =>
    pipeline.xrevrange(auditKey(each), from, '-', 'COUNT', limit + 1),
  )) as [id: string, fields: string[]][][];
  const records = replies
    .flatMap((entries, i) =>
      entries.map(([id, fields]): AuditRecord => {
        const entry = JSON.parse(fields[1]!) as AuditEntry;
        return { id, at: Number(id.split('-')[0]), scope: scopes[i]!, ...entry };
      }),
    )
    .sort((a, b) => compareIds(b.id, a.id));
  // Ids of different trails can be equal; the next page starts after them.
  let end = Math.min(limit, records.length);
  while (end > 0 && records[end]?.id === records[end - 1]!.id) end += 1;
  const page = records.slice(0, end);
  return records.length > end ? { records: page, next: page.at(-1)!.id } : { records: page };
}

function compareIds(a: string, b: string): number {
  const [aMs = 0, aN = 0] = a.split('-').map(Number);
  const [bMs = 0, bN = 0] = b.split('-').map(Number);
  return aMs - bMs || aN - bN;
}
