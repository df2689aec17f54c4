import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { Injectable } from '@nestjs/common';
import type { Batch } from './batch.js';
import { DeviceTurns, type Turn } from './device-turns.js';
import { Evaluator } from './evaluator.service.js';
import { PrefetchService } from './prefetch.service.js';
import { ReadingStore } from './reading-store.service.js';
import { Settlement } from './settlement.service.js';

/** A part that still conflicts after this many rounds fails; each conflict requires another change of the device in between. */
const MAX_ROUNDS = 20;
/** Prefetches before one round: the rules, then the windows that they need. */
const MAX_READS = 2;

/**
 * Evaluates a batch on what this replica has cached and stores it in one write. The store returns the devices for which the cache was
 * outdated; they are evaluated and stored again.
 */
@Injectable()
export class EvaluationRounds {
  private readonly turns = new DeviceTurns();

  constructor(
    private readonly prefetcher: PrefetchService,
    private readonly evaluator: Evaluator,
    private readonly store: ReadingStore,
    private readonly settlement: Settlement,
  ) {}

  /** Settles when every reading is stored, or counted as failed. */
  async run(batch: Batch): Promise<void> {
    const turn = this.turns.enter();
    try {
      for (let round = 0; batch.pending.size > 0 && round < MAX_ROUNDS; round += 1) {
        // Nothing is awaited between the last check and the evaluation: an earlier batch could take its turn in between.
        for (let reads = 0; ; reads += 1) {
          for (let earlier = this.wait(batch, turn); earlier !== undefined; earlier = this.wait(batch, turn))
            await earlier;
          const missing = this.prefetcher.missing(batch.pending);
          if (missing === undefined || reads === MAX_READS) break;
          this.turns.hold(turn, batch.pending.keys());
          await this.prefetcher.read(missing);
        }
        ignoreRemovedDevices(batch);
        const parts = this.evaluator.evaluate(batch);
        const outcomes = await this.store.write(this.evaluator.replica, parts);
        batch.storedAt = performance.now();
        this.settlement.settle(batch, parts, outcomes);
        this.turns.hold(turn, batch.pending.keys());
      }
      this.settlement.giveUp(batch);
    } finally {
      this.turns.leave(turn);
    }
  }

  /** Settles when an earlier batch that holds a device of this one has left; undefined if there is none. */
  private wait({ pending }: Batch, turn: Turn): Promise<void> | undefined {
    return this.turns.wait(turn, pending.keys());
  }
}

/** A timer must not recreate a removed device, unless a rule that detects silence names it. */
function ignoreRemovedDevices({ pending }: Batch): void {
  for (const [device, readings] of pending)
    if (readings.length === 0 && device.version === NEW_DEVICE && !device.isExpected) pending.delete(device);
}
