import { timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '@lamplighter/store/access/api-key';
import { parseApiKey, readApiKey, recordApiKeyUse } from '@lamplighter/store/access/api-keys';
import { Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import { isStoreFailure } from '../problems/store-failure.js';
import { StoreLink } from '../store/store-link.js';

/** Hashes are cached this long, milliseconds, so that not every request reads Redis. */
const CACHE_MS = 4000;
const MAX_CACHED = 1000;
/** The use of a key is recorded at most this often, milliseconds. */
const RECORD_USE_MS = 60_000;

interface CachedKey {
  readonly hash: Buffer;
  readonly key: ApiKey;
  /** When the key expires or the store is read again, whichever is first. */
  readonly until: number;
}

/** Checks API keys against the hashes in the store. A revoked key is rejected within `CACHE_MS`, an expired one at once. */
@Injectable()
export class ApiKeyCheck {
  private readonly cache = new Map<string, CachedKey>();
  private readonly recordedAt = new Map<string, number>();

  constructor(
    private readonly link: StoreLink,
    private readonly errors: ApiErrors,
  ) {}

  /**
   * The valid key that a client sent; undefined if there is none.
   * @throws Problem `store-away`
   */
  async find(text: string): Promise<ApiKey | undefined> {
    const claim = parseApiKey(text);
    if (claim === undefined) return undefined;
    const known = this.cached(claim.id) ?? (await this.read(claim.id));
    if (known === undefined) return undefined;
    const hash = Buffer.from(claim.hash, 'hex');
    if (known.hash.length !== hash.length || !timingSafeEqual(known.hash, hash)) return undefined;
    void this.recordUse(claim.id);
    return known.key;
  }

  /** Removes a key from the cache. */
  forget(id: string): void {
    this.cache.delete(id);
    this.recordedAt.delete(id);
  }

  private cached(id: string): CachedKey | undefined {
    const entry = this.cache.get(id);
    return entry !== undefined && entry.until > performance.now() ? entry : undefined;
  }

  private async read(id: string): Promise<CachedKey | undefined> {
    this.cache.delete(id);
    const stored = await readApiKey(this.link.redis, id);
    if (stored === undefined || stored.validMs <= 0) return undefined;
    const until = performance.now() + Math.min(CACHE_MS, stored.validMs);
    const entry = { hash: Buffer.from(stored.hash, 'hex'), key: stored.key, until };
    makeRoom(this.cache);
    this.cache.set(id, entry);
    return entry;
  }

  /** Requests do not wait for this; after a failure, a later request records the use. */
  private async recordUse(id: string): Promise<void> {
    const now = performance.now();
    if (now - (this.recordedAt.get(id) ?? Number.NEGATIVE_INFINITY) < RECORD_USE_MS) return;
    makeRoom(this.recordedAt);
    this.recordedAt.set(id, now);
    try {
      await recordApiKeyUse(this.link.redis, id);
    } catch (error) {
      this.recordedAt.delete(id);
      if (!isStoreFailure(error))
        this.errors.report(
          'api_keys',
          error,
          'cannot record the use of an API key; a later request records it',
        );
    }
  }
}

function makeRoom(entries: Map<string, unknown>): void {
  const [oldest] = entries.keys();
  if (oldest !== undefined && entries.size >= MAX_CACHED) entries.delete(oldest);
}
