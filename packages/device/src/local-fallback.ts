import type { Action } from '@lamplighter/contracts/command';
import type { DeviceEvent } from './device-event.js';
import { type Execute, executeCommand, reasonOf } from './execute-command.js';
import type { Measurements } from './reading-count.js';
import type { Storage } from './storage.js';

/**
 * Decides in the server's place while the link is down: what to do on this reading, or undefined for nothing. It should do
 * little: what is safe without anybody watching.
 */
export type Fallback = (reading: Measurements) => Action | undefined;

/**
 * What the device did by itself while the link was down: from when to when (device time, ms since 1970), how many actions, and
 * the last of them as JSON.
 */
export type FallbackReport = { since: number; until: number; actions: number; last: string };
type Deeds = Omit<FallbackReport, 'until'>;

export interface FallbackOptions {
  readonly decide: Fallback;
  readonly execute: Execute;
  /** For how long the link must be down before the device decides by itself, ms. */
  readonly afterMs: number;
  readonly clock: () => number;
  readonly storage: Storage;
  readonly onEvent: (event: DeviceEvent) => void;
}

/** Longest action in a report, characters; see `maxStringLength` of a measurement. */
const LAST_LENGTH = 1000;

/**
 * A limited local decision while the link is down, and a report of it on return: the measurement `fallback` of the first reading
 * after it, `{"since","until","actions","last"}`. One action at a time, through the program's own handler.
 */
export class LocalFallback {
  private downSince: { readonly wall: number; readonly monotonic: number } | undefined;
  private until: number | undefined;
  private deeds: Deeds | undefined;
  private acting = false;

  constructor(private readonly options: FallbackOptions) {
    const stored = options.storage.get('fallback');
    if (stored !== undefined) this.deeds = JSON.parse(stored) as Deeds;
  }

  /** The link is down, or not yet up. */
  lost(): void {
    this.downSince ??= { wall: this.options.clock(), monotonic: performance.now() };
  }

  /** The server decides again. */
  returned(): void {
    this.downSince = undefined;
    this.until = this.options.clock();
  }

  /** What is to be reported now; undefined while the link is down, or if nothing was done. */
  get report(): FallbackReport | undefined {
    if (this.downSince !== undefined || this.deeds === undefined) return undefined;
    const { since, actions, last } = this.deeds;
    return { since, until: this.until ?? since, actions, last };
  }

  /** The report is on its way for good; what was done since it was made is not. */
  reported({ actions }: FallbackReport): void {
    if (this.deeds?.actions !== actions) return;
    this.deeds = undefined;
    this.store();
  }

  /** Decides on a reading, if it is time to. */
  consider(reading: Measurements): void {
    const { downSince, options } = this;
    if (downSince === undefined || this.acting) return;
    if (performance.now() - downSince.monotonic < options.afterMs) return;
    try {
      const action = options.decide(reading);
      if (action !== undefined) this.act(action, downSince.wall);
    } catch (error) {
      options.onEvent({ event: 'acted', status: 'failed', reason: reasonOf(error) });
    }
  }

  private act(action: Action, downSince: number): void {
    const { execute, onEvent } = this.options;
    this.acting = true;
    this.deeds = {
      since: this.deeds?.since ?? downSince,
      actions: (this.deeds?.actions ?? 0) + 1,
      last: JSON.stringify(action).slice(0, LAST_LENGTH),
    };
    this.store();
    void executeCommand(execute, action, undefined).then(({ answer, restart }) => {
      this.acting = false;
      onEvent({
        event: 'acted',
        action,
        status: answer.status,
        ...(answer.reason !== undefined && { reason: answer.reason }),
      });
      restart?.();
    });
  }

  private store(): void {
    try {
      this.options.storage.write([['fallback', this.deeds && JSON.stringify(this.deeds)]]);
    } catch (error) {
      this.options.onEvent({ event: 'storage_failed', reason: reasonOf(error) });
    }
  }
}
