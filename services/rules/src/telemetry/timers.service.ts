import { deviceTopic, lessonTopic } from '@lamplighter/contracts/topics';
import type { CompiledRule } from '@lamplighter/evaluation/compile-rule';
import { NEW_DEVICE } from '@lamplighter/store/accept-readings';
import type { Redis } from '@lamplighter/store/connect';
import { readDevices } from '@lamplighter/store/devices';
import { type DueTimer, findTimers, removeTimer, setTimers } from '@lamplighter/store/timers';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { GroupsService } from '../groups/groups.service.js';
import { RulesMetrics } from '../metrics.js';
import { RuleBook } from '../rule-book/rule-book.service.js';
import type { RuleSet } from '../rule-book/rule-set.js';
import { REDIS } from '../tokens.js';
import { DeviceCache } from './device-cache.js';
import { IngestService } from './ingest.service.js';
import type { KnownDevice } from './known-device.js';

/** How often due timers are looked for, milliseconds: a timer is late by no more than this. */
const POLL_MS = 250;

/** What rules decide without being told anything: silence, the end of a hold, of a run, of quiet hours. */
@Injectable()
export class TimersService implements OnApplicationBootstrap {
  private poll: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly devices: DeviceCache,
    private readonly ingest: IngestService,
    private readonly groups: GroupsService,
    private readonly book: RuleBook,
    private readonly metrics: RulesMetrics,
  ) {}

  onApplicationBootstrap(): void {
    this.book.onRead((fleet, rules, before) => void this.expect(fleet, rules, before));
    this.poll = setInterval(() => {
      this.looking ??= this.look().finally(() => {
        this.looking = undefined;
      });
    }, POLL_MS);
  }

  /** Looks for no more; what was found is judged to the end, or found again when its lease is over. */
  async stop(): Promise<void> {
    clearInterval(this.poll);
    await this.looking;
  }

  /** A device that is silent already when a rule about silence comes is never judged by a reading: its timer begins now. */
  private async expect(fleet: string, rules: RuleSet, before: RuleSet | undefined): Promise<void> {
    const isNew = (rule: CompiledRule) => before?.get(rule.id)?.since !== rule.since;
    for (const rule of rules.all.filter((one) => one.absenceMs !== undefined && isNew(one))) {
      try {
        await setTimers(this.redis, fleet, rule.scope, Date.now());
      } catch {
        // Redis went away. Devices that speak are found all the same; the silent ones when the service starts again.
        this.metrics.storeOperations.inc({ op: 'timers', result: 'error' });
      }
    }
  }

  private async look(): Promise<void> {
    try {
      const due = await findTimers(this.redis);
      this.metrics.storeOperations.inc({ op: 'timers', result: 'ok' });
      if (due.length === 0) return;
      for (const timer of due) if (timer.kind === 'group') this.groups.due(timer.fleet, timer.name);
      const ofDevices = due.filter(({ kind }) => kind === 'device');
      this.metrics.timersDue.inc({ kind: 'group' }, due.length - ofDevices.length);
      const devices = (await Promise.all(ofDevices.map((timer) => this.deviceOf(timer)))).filter(
        (device) => device !== undefined,
      );
      this.metrics.timersDue.inc({ kind: 'device' }, devices.length);
      if (devices.length > 0) await this.ingest.judgeAgain(devices, Date.now() - this.groups.listeningMs);
      for (const { version, address } of devices) {
        if (version === NEW_DEVICE)
          await this.remove({ kind: 'device', fleet: address.fleet, name: address.device });
      }
    } catch {
      this.metrics.storeOperations.inc({ op: 'timers', result: 'error' }); // Redis is away; the next poll tries again
    }
  }

  /** The device of a timer; undefined, and no timer any more, if the store knows no such device. */
  private async deviceOf(timer: DueTimer): Promise<KnownDevice | undefined> {
    const { fleet, name } = timer;
    const topic = deviceTopic(fleet, 'telemetry', name);
    const cached = this.devices.cached(topic);
    if (cached !== undefined) return cached;
    const [device] = await readDevices(this.redis, fleet, [name]);
    if (device?.last === undefined) {
      await this.remove(timer);
      return undefined;
    }
    return this.devices.find(device.lesson ? lessonTopic(fleet, 'telemetry') : topic);
  }

  private async remove(timer: DueTimer): Promise<void> {
    this.metrics.timersDue.inc({ kind: 'gone' });
    await removeTimer(this.redis, timer);
  }
}
