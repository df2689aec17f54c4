import type { Action } from '@lamplighter/contracts/commands/command';
import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import {
  type Driver,
  drivenBy,
  drivenByCommand,
  laneClashes,
} from '@lamplighter/evaluation/rule/lane-clashes';
import { parseRule, readRules } from '@lamplighter/store/rules/rules';
import { Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import { isStoreFailure } from '../problems/store-failure.js';
import { StoreLink } from '../store/store-link.js';
import type { Remark } from './rule-check.js';

/** The drivers of a fleet are cached this long, milliseconds, so that many commands cost one read. */
const CACHE_MS = 2000;
/** Cached fleets. */
const MAX_CACHED = 100;
const MAX_WARNINGS = 5;

interface NamedDriver extends Driver {
  readonly rule: string;
}

/** Warns of commands that set a key on a different lane than a rule does: a device that was offline would get both. */
@Injectable()
export class ActionLanes {
  private readonly cache = new Map<
    string,
    { readonly drivers: Promise<NamedDriver[]>; readonly until: number }
  >();

  constructor(
    private readonly link: StoreLink,
    private readonly errors: ApiErrors,
  ) {}

  async warnings(
    fleet: string,
    devices: DeviceScope,
    { action, lane }: { readonly action: Action; readonly lane?: string | undefined },
  ): Promise<Remark[]> {
    const own = drivenByCommand(devices, action, lane);
    const drivers = await this.driversOf(fleet);
    return drivers
      .flatMap((driver) =>
        laneClashes(own, driver).map(({ key, lane: here, other }) => ({
          pointer: '/lane',
          detail:
            `"${key}" is set on lane "${here}" here, but on lane "${other}" by rule "${driver.rule}". Commands on different lanes do not ` +
            'supersede each other, so a device that was offline gets both; use the same lane',
        })),
      )
      .slice(0, MAX_WARNINGS);
  }

  private driversOf(fleet: string): Promise<NamedDriver[]> {
    const now = performance.now();
    const cached = this.cache.get(fleet);
    if (cached !== undefined && now < cached.until) return cached.drivers;
    // The command is already stored, so a failed read must not fail the request.
    const drivers = this.read(fleet).catch((error: unknown) => {
      if (!isStoreFailure(error))
        this.errors.report('lane_warnings', error, 'cannot read rules; omitting warnings for a command');
      return [];
    });
    if (this.cache.size >= MAX_CACHED) this.cache.clear();
    this.cache.set(fleet, { drivers, until: now + CACHE_MS });
    return drivers;
  }

  private async read(fleet: string): Promise<NamedDriver[]> {
    const { texts, isOff } = await readRules(this.link.redis, fleet);
    if (isOff) return [];
    return Object.entries(texts).flatMap(([id, text]) => {
      const stored = parseRule(id, text);
      return 'rule' in stored ? [{ rule: id, ...drivenBy(stored.rule) }] : [];
    });
  }
}
