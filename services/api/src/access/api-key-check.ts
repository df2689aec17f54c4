import { timingSafeEqual } from 'node:crypto';
import { parseApiKey, readApiKeyHash, recordApiKeyUse } from '@lamplighter/store/access/api-keys';
import { Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import { isStoreFailure } from '../problems/store-failure.js';
import { StoreLink } from '../store/store-link.js';

/** Hashes are cached this long, milliseconds, so that not every request reads Redis. */
const CACHE_MS = 4000;
const MAX_CACHED = 1000;
/** The use of a key is recorded at most this often, milliseconds. */
const RECORD_USE_MS = 60_000;

interface CachedHash {
  readonly hash: Buffer;
  readonly until: number;
}

/** Checks API keys against the hashes in the store. A revoked key is rejected within `CACHE_MS`. */
@Injectable()
export class ApiKeyCheck {
  private readonly cache = new Map<string, CachedHash>();
  private readonly recordedAt = new Map<string, number>();

  constructor(
    private readonly link: StoreLink,
    private readonly errors: ApiErrors,
  ) {}

  /**
   * Whether the key is valid.
   * @throws Problem `store-away`
   */
  async accepts(key: string): Promise<boolean> {
    const claim = parseApiKey(key);
    if (claim === undefined) return false;
    const known = this.cached(claim.id) ?? (await this.read(claim.id));
    const isOurs = known !== undefined && timingSafeEqual(known, Buffer.from(claim.hash, 'hex'));
    if (isOurs) void this.recordUse(claim.id);
    return isOurs;
  }

  /** Removes a key from the cache. */
  forget(id: string): void {
    this.cache.delete(id);
    this.recordedAt.delete(id);
  }

  private cached(id: string): Buffer | undefined {
    const entry = this.cache.get(id);
    return entry !== undefined && entry.until > performance.now() ? entry.hash : undefined;
  }

  private async read(id: string): Promise<Buffer | undefined> {
    this.cache.delete(id);
    const text = await readApiKeyHash(this.link.redis, id);
    if (text === null) return undefined;
    const hash = Buffer.from(text, 'hex');
    makeRoom(this.cache);
    this.cache.set(id, { hash, until: performance.now() + CACHE_MS });
    return hash;
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
