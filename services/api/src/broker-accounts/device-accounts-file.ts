import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readAccountsRevision, readBrokerAccounts } from '@lamplighter/store/accounts/device-accounts';
import type { ApiErrors } from '../foundation/api-errors.js';
import { pause } from '../foundation/pause.js';
import { isStoreFailure } from '../problems/store-failure.js';
import type { StoreLink } from '../store/store-link.js';

/** How often it looks for changes, milliseconds. With the interval of the broker and its reload, a change takes less than 2 s. */
const INTERVAL_MS = 250;

/**
 * The file from which the broker takes the accounts of devices (mosquitto/merge.sh): a line `device:fleet:hash` for each enabled one. It is
 * written after each change in Redis, and when it is missing, so a broker that has lost its files gets them again. While Redis is unavailable
 * it stays as it is.
 */
export class DeviceAccountsFile {
  private readonly stopping = new AbortController();
  /** What it was written from; undefined before the first time. */
  private revision: string | null | undefined;

  constructor(
    private readonly file: string,
    private readonly link: StoreLink,
    private readonly errors: ApiErrors,
  ) {}

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopping.abort();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.refresh();
      } catch (error) {
        if (!isStoreFailure(error))
          this.errors.report('device_accounts', error, 'cannot write the accounts of devices; retrying', {
            file: this.file,
          });
      }
      await pause(INTERVAL_MS, signal);
    }
  }

  private async refresh(): Promise<void> {
    const { redis } = this.link;
    // Read first: a change while the accounts are read is found the next time.
    const revision = await readAccountsRevision(redis);
    if (revision === this.revision && existsSync(this.file)) return;
    const accounts = await readBrokerAccounts(redis);
    const lines = [...accounts].map(([device, { fleet, hash }]) => `${device}:${fleet}:${hash}\n`);
    write(this.file, lines.toSorted().join(''));
    this.revision = revision;
  }
}

/** Writes it atomically. The broker has another user in containers, so the folder limits who can read it. */
function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, text, { mode: 0o644 });
  renameSync(`${file}.new`, file);
}
