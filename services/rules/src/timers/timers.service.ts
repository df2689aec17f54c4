import { deviceTopic, lessonTopic } from '@lamplighter/contracts/topics';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { readDevices } from '@lamplighter/store/devices/devices';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { claimTimers, type DueTimer, removeTimer, setTimers } from '@lamplighter/store/rules/timers';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DeviceCache } from '../cache/device-cache.js';
import type { KnownDevice } from '../cache/known-device.js';
import { GroupsService } from '../groups/groups.service.js';
import { ListeningService } from '../groups/listening.service.js';
import { RulesMetrics } from '../metrics.js';
import { RuleBook } from '../rule-book/rule-book.service.js';
import type { RuleSet } from '../rule-book/rule-set.js';
import { RulesErrors } from '../rules-errors.js';
import { Batch } from '../telemetry/batch.js';
import { EvaluationRounds } from '../telemetry/evaluation-rounds.service.js';
import { REDIS } from '../tokens.js';

/** How often due timers are polled, milliseconds; a timer is late by at most this. */
const POLL_MS = 250;
/** Maximum number of rounds of one poll, each immediately after the other while timers are due: some 3000 timers. */
const MAX_ROUNDS = 25;
/** Longest wait for the current evaluation during shutdown, milliseconds. */
const STOP_MS = 5000;

/** Evaluates rules when their timers are due: silence, the end of a hold, of a run, of quiet hours. */
@Injectable()
export class TimersService implements OnApplicationBootstrap {
  private poll: NodeJS.Timeout | undefined;
  private firing: Promise<void> | undefined;
  private stopped = false;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly devices: DeviceCache,
    private readonly rounds: EvaluationRounds,
    private readonly groups: GroupsService,
    private readonly listening: ListeningService,
    private readonly book: RuleBook,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
  ) {}

  onApplicationBootstrap(): void {
    this.book.onRead((fleet, rules, before) => void this.scheduleTimers(fleet, rules, before));
    this.poll = setInterval(() => {
      this.firing ??= this.fireDue().finally(() => {
        this.firing = undefined;
      });
    }, POLL_MS);
  }

  /** Stops polling; claimed timers are evaluated, or, if Redis is unavailable, claimed again when their lease expires. */
  async stop(mostMs = STOP_MS): Promise<void> {
    this.stopped = true;
    clearInterval(this.poll);
    await Promise.race([this.firing, new Promise((resolve) => setTimeout(resolve, mostMs).unref())]);
  }

  /**
   * Sets timers for devices that may send no reading: those in the scope of a new rule that detects silence, and those with a verdict to
   * release.
   */
  private async scheduleTimers(fleet: string, rules: RuleSet, before: RuleSet | undefined): Promise<void> {
    const isNew = ({ id, since, scope }: CompiledRule) => {
      const previous = before?.get(id);
      // A wider scope does not reset the rule, but it contains new devices.
      return previous?.since !== since || `${previous.scope}` !== `${scope}`;
    };
    const scopes = [
      ...rules.all.filter((rule) => rule.absenceMs !== undefined && isNew(rule)),
      ...rules.releases.filter(
        ({ rule, end }) =>
          before?.releases.every((one) => one.rule !== rule || one.end.version !== end.version) ?? true,
      ),
    ].map(({ scope }) => scope);
    if (scopes.length === 0) return;
    try {
      await this.metrics.storeCall('timers', () => setTimers(this.redis, fleet, scopes, Date.now()));
    } catch (error) {
      // Devices that report are evaluated anyway; silent ones after the next start of a replica.
      if (storeFailure(error) === undefined)
        this.unexpected.report('timers', error, 'cannot set timers for new rules', { fleet });
    }
  }

  /** Takes a few timers at a time, so that telemetry is evaluated in between. */
  private async fireDue(): Promise<void> {
    const seen = new Set<string>();
    try {
      for (let round = 0; round < MAX_ROUNDS && !this.stopped; round += 1) {
        const due = await this.metrics.storeCall('timers', () => claimTimers(this.redis));
        if (due.length === 0) return;
        // Some timers may detect silence, which requires that this replica receives telemetry.
        if (round === 0) await this.listening.confirm();
        await this.fire(due);
        // A timer that is due again immediately: the Redis clock is ahead of the local one. Continue with the next poll.
        const before = seen.size;
        for (const { kind, fleet, name } of due) seen.add(`${kind}/${fleet}/${name}`);
        if (seen.size < before + due.length) return;
      }
    } catch (error) {
      if (storeFailure(error) === undefined)
        this.unexpected.report('timers', error, 'cannot fire timers; retrying at the next poll');
    }
  }

  private async fire(due: readonly DueTimer[]): Promise<void> {
    for (const timer of due) if (timer.kind === 'group') this.groups.markDue(timer.fleet, timer.name);
    const ofDevices = due.filter(({ kind }) => kind === 'device');
    this.metrics.timersDue.inc({ kind: 'group' }, due.length - ofDevices.length);
    const devices = await this.devicesOf(ofDevices);
    this.metrics.timersDue.inc({ kind: 'device' }, devices.length);
    if (devices.length > 0)
      await this.rounds.run(Batch.ofTimers(devices, Date.now() - this.listening.listeningMs));
    for (const { version, address } of devices) {
      if (version === NEW_DEVICE)
        await this.remove({ kind: 'device', fleet: address.fleet, name: address.device });
    }
  }

  /** The devices of timers; timers of devices that the store does not know are removed. */
  private async devicesOf(timers: readonly DueTimer[]): Promise<KnownDevice[]> {
    const devices: KnownDevice[] = [];
    const unknown = new Map<string, string[]>();
    for (const { fleet, name } of timers) {
      const cached = this.devices.cached(deviceTopic(fleet, 'telemetry', name));
      if (cached !== undefined) devices.push(cached);
      else unknown.set(fleet, [...(unknown.get(fleet) ?? []), name]);
    }
    for (const [fleet, names] of unknown) {
      for (const { device: name, last, lesson } of await readDevices(this.redis, fleet, names)) {
        const topic = lesson ? lessonTopic(fleet, 'telemetry') : deviceTopic(fleet, 'telemetry', name);
        const device = last || (await this.isExpected(fleet, name)) ? this.devices.find(topic) : undefined;
        if (device === undefined) await this.remove({ kind: 'device', fleet, name });
        else devices.push(device);
      }
    }
    return devices;
  }

  /** Whether a rule that detects silence names the device. */
  private async isExpected(fleet: string, name: string): Promise<boolean> {
    await this.book.ready([fleet]);
    const rules = this.book.setOf(fleet)?.all ?? [];
    return rules.some(
      ({ absenceMs, quorum, scope }) =>
        absenceMs !== undefined && quorum === undefined && scope !== '*' && scope.includes(name),
    );
  }

  private async remove(timer: DueTimer): Promise<void> {
    this.metrics.timersDue.inc({ kind: 'gone' });
    await removeTimer(this.redis, timer);
  }
}
