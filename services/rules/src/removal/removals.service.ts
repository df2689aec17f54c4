import { jitteredMs } from '@lamplighter/contracts/backoff';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import {
  claimExpiredDevices,
  type DeviceName,
  type Removal,
  removeDevices,
} from '@lamplighter/store/removal/remove-devices';
import {
  claimFleetRemovals,
  type FleetRemoval,
  stepFleetRemoval,
} from '@lamplighter/store/removal/remove-fleet';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { RepeatedWork } from '../store-access/repeated-work.js';
import { LOGGER, REDIS } from '../tokens.js';

/** How often work is claimed, milliseconds on average. */
const POLL_MS = 1000;
/** Expired devices per round. */
const FORGET_LIMIT = 50;
/** Fleet removals per claim; each proceeds page by page. */
const FLEETS_AT_ONCE = 5;
/** Pause between pages, so that Redis can serve other clients, milliseconds. */
const PAUSE_MS = 20;
/** The progress of a removal is reported at most this often, milliseconds. */
const REPORT_MS = 1000;

/**
 * Removes devices that have been offline for longer than their birth's `forgetAfter`, and the devices of fleets that are being removed.
 * Replicas share the work by leases; another replica continues an interrupted removal.
 */
@Injectable()
export class RemovalsService implements OnApplicationBootstrap {
  private readonly removing: RepeatedWork;
  private readonly held = new Set<string>();
  private readonly reportedAt = new Map<string, number>();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) logger: Logger,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
    private readonly recorder: RulesCommandRecorder,
    private readonly events: LiveEventsService,
  ) {
    this.removing = new RepeatedWork(
      logger,
      unexpected,
      'removal',
      'cannot remove devices; waiting for Redis',
      () => this.work(),
    );
  }

  onApplicationBootstrap(): void {
    this.removing.schedule(POLL_MS);
  }

  /** Starts no more rounds. */
  stop(): Promise<void> {
    return this.removing.stop();
  }

  /** One round; returns the pause before the next one. */
  private async work(): Promise<number> {
    const wait = jitteredMs(POLL_MS);
    const hasMore = await this.metrics.storeCall('removal', () => this.forget());
    const fleets = await this.metrics.storeCall('removal', () =>
      claimFleetRemovals(this.redis, FLEETS_AT_ONCE),
    );
    for (const fleet of fleets) this.held.add(fleet);
    let isBusy = false;
    for (const fleet of this.held) {
      if (await this.step(fleet)) isBusy = true;
    }
    return hasMore || isBusy ? PAUSE_MS : wait;
  }

  /** Removes expired devices. @returns whether there may be more */
  private async forget(): Promise<boolean> {
    const devices = await claimExpiredDevices(this.redis, FORGET_LIMIT);
    const removals = await removeDevices(this.redis, devices, { onlyIfAway: true });
    for (const [i, device] of devices.entries()) {
      if (!this.record(device, removals[i]!, 'forget_after')) continue;
      this.events.append([{ type: 'removal', ...device, state: 'removed', cause: 'forget_after' }]);
    }
    return devices.length === FORGET_LIMIT;
  }

  /** Runs one step of a removal. @returns whether the next one can follow immediately */
  private async step(fleet: string): Promise<boolean> {
    try {
      const step = await this.metrics.storeCall('removal', () => stepFleetRemoval(this.redis, fleet));
      for (const { device, removal } of step?.devices ?? []) this.record(device, removal, 'fleet');
      if (step?.removal.state === 'running') {
        this.report(step.removal);
        return !step.waits;
      }
      if (step !== undefined) this.report(step.removal);
    } catch (error) {
      if (storeFailure(error) !== undefined) throw error;
      // One failing removal must not block the others; it is claimed again when its lease expires.
      this.unexpected.report('removal', error, 'cannot continue the removal of a fleet; retrying later', {
        fleet,
      });
    }
    this.held.delete(fleet);
    this.reportedAt.delete(fleet);
    return false;
  }

  private report({ fleet, state, removed }: FleetRemoval): void {
    const now = performance.now();
    if (state === 'running' && now - (this.reportedAt.get(fleet) ?? Number.NEGATIVE_INFINITY) < REPORT_MS)
      return;
    this.reportedAt.set(fleet, now);
    this.events.append([{ type: 'removal', fleet, state, removed }]);
  }

  private record(device: DeviceName, removal: Removal, cause: 'forget_after' | 'fleet'): boolean {
    if (removal.outcome !== 'removed') return false;
    this.metrics.devicesRemoved.inc({ cause });
    for (const { id, state, source } of removal.ended)
      this.recorder.recordTransition(state, source, { id, ...device }, { cause: 'removed' });
    return true;
  }
}
