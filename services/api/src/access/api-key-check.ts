import { timingSafeEqual } from 'node:crypto';
import { parseApiKey, readApiKeyHash } from '@lamplighter/store/api-keys';
import { Inject, Injectable } from '@nestjs/common';
import { StoreLink } from '../store/store-link.js';

/** Hashes that were read lately are kept this long, milliseconds, so that not every request asks Redis. */
const REMEMBER_MS = 5000;
const MAX_REMEMBERED = 1000;

/** Checks API keys against the hashes in the store. A key that is deleted there is refused after `REMEMBER_MS` at the latest. */
@Injectable()
export class ApiKeyCheck {
  private readonly remembered = new Map<string, { hash: Buffer; until: number }>();

  constructor(@Inject(StoreLink) private readonly link: StoreLink) {}

  /**
   * Whether this is one of our keys.
   * @throws Problem `store-away`
   */
  async accepts(key: string): Promise<boolean> {
    const claim = parseApiKey(key);
    if (claim === undefined) return false;
    const known = this.recall(claim.id) ?? (await this.read(claim.id));
    return known !== undefined && timingSafeEqual(known, Buffer.from(claim.hash, 'hex'));
  }

  private recall(id: string): Buffer | undefined {
    const entry = this.remembered.get(id);
    return entry !== undefined && entry.until > performance.now() ? entry.hash : undefined;
  }

  private async read(id: string): Promise<Buffer | undefined> {
    this.remembered.delete(id);
    const text = await readApiKeyHash(this.link.redis, id);
    if (text === null) return undefined;
    const hash = Buffer.from(text, 'hex');
    const [oldest] = this.remembered.keys();
    if (oldest !== undefined && this.remembered.size >= MAX_REMEMBERED) this.remembered.delete(oldest);
    this.remembered.set(id, { hash, until: performance.now() + REMEMBER_MS });
    return hash;
  }
}
