import type { TelemetrySchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import { validateRule } from '@lamplighter/evaluation/explanation/validate-rule';
import { compileExpression } from '@lamplighter/evaluation/expression/expression';
import { drivenBy, laneClashes } from '@lamplighter/evaluation/rule/lane-clashes';
import type { Rule } from '@lamplighter/evaluation/rule/rule';
import { didYouMean } from '@lamplighter/evaluation/suggest';
import { WINDOW_DEPTH } from '@lamplighter/evaluation/window/reading-window';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { type Device, listDevices, readDevices } from '@lamplighter/store/devices/devices';
import { readWindows } from '@lamplighter/store/devices/windows';
import type { Redis } from '@lamplighter/store/redis/connect';
import {
  listRules,
  parseRule,
  readRules,
  type StoredRule,
  type UnreadableRule,
} from '@lamplighter/store/rules/rules';
import { readMeasurementNames } from '@lamplighter/store/telemetry/measurement-names';
import { readTelemetrySchema } from '@lamplighter/store/telemetry/telemetry-schemas';
import { Injectable } from '@nestjs/common';
import { type FieldError, Problem } from '../problems/problem.js';
import { StoreLink } from '../store/store-link.js';

/** Devices whose last states are read as well, because earlier versions did not record measurement names. */
const MAX_DEVICES_READ = 50;
/** Errors reported in one response. */
const MAX_ERRORS = 20;
/** Rules checked per page, and misfits reported. */
const RULES_PER_PAGE = 20;
const MAX_MISFITS = 100;
/** Named devices checked, and lane clashes reported. */
const MAX_NAMED = 20;
/** Devices whose interval is measured, and the maximum and minimum number of readings for it. */
const MEASURED = 20;
const INTERVALS = 20;
const MIN_INTERVALS = 5;

/** A remark about a place in a rule. */
export interface Remark {
  readonly pointer: string;
  readonly detail: string;
}

/** Where a stored rule contradicts the telemetry schema of its fleet. */
export interface Misfit extends Remark {
  readonly rule: string;
}

/** Checks rules against the telemetry schema of their fleet, or without one against the measurements seen so far. */
@Injectable()
export class RuleCheck {
  constructor(private readonly link: StoreLink) {}

  /**
   * Validates a rule document and lists likely mistakes.
   * @param at JSON pointer to the document in the body
   * @throws Problem `invalid-rule` with a pointer to each error
   */
  async check(
    fleet: string,
    document: unknown,
    at = '',
  ): Promise<{ rule: Rule; warnings: readonly Remark[] }> {
    const { redis } = this.link;
    const [schema, { devices, seenNames }] = await Promise.all([
      readTelemetrySchema(redis, fleet),
      this.seen(fleet),
    ]);
    const { rule, problems, warnings } = validateRule(document, {
      ...(schema !== undefined && { schema }),
      ...(seenNames.size > 0 && { seenNames }),
      keptMs: await storedMsOf(redis, devices),
    });
    if (rule === undefined || problems.length > 0) {
      const errors = problems.map(
        ({ pointer, detail }): FieldError => ({ in: 'body', pointer: at + pointer, detail }),
      );
      const count = errors.length === 1 ? '1 error' : `${errors.length} errors`;
      throw new Problem('invalid-rule', `The rule has ${count}; see errors.`, {
        errors: errors.slice(0, MAX_ERRORS),
      });
    }
    const neverReported =
      devices.length > 0 ? [] : [{ pointer: '', detail: `no device of fleet "${fleet}" has ever reported` }];
    return { rule, warnings: [...warnings, ...(await this.remarksInFleet(fleet, rule)), ...neverReported] };
  }

  /** Names in a rollout condition that are neither in the telemetry schema nor, without one, in any reading of the fleet. */
  async unknownNames(fleet: string, condition: string, pointer: string): Promise<readonly Remark[]> {
    const [schema, { seenNames }] = await Promise.all([
      readTelemetrySchema(this.link.redis, fleet),
      this.seen(fleet),
    ]);
    const known = schema === undefined ? seenNames : new Set(Object.keys(schema.measurements));
    if (known.size === 0) return [];
    const { names } = compileExpression(condition, { returns: 'bool', variables: [] });
    return names
      .filter((name) => !known.has(name))
      .map((name) => ({
        pointer,
        detail: `no reading has had '${name}' yet${didYouMean(name, known)}`,
      }));
  }

  /** Some devices of a fleet, and the measurement names seen in its readings. */
  private async seen(fleet: string) {
    const [{ devices }, recorded] = await Promise.all([
      listDevices(this.link.redis, fleet, { limit: MAX_DEVICES_READ }),
      readMeasurementNames(this.link.redis, fleet),
    ]);
    const names = devices.flatMap(({ last }) => Object.keys(last?.measurements ?? {}));
    return { devices, seenNames: new Set([...recorded, ...names]) };
  }

  /** Likely mistakes of a valid rule, given the other rules and devices of its fleet. */
  private async remarksInFleet(fleet: string, rule: Rule): Promise<Remark[]> {
    const { redis } = this.link;
    const [{ texts, isOff }, neverReported] = await Promise.all([
      readRules(redis, fleet),
      neverReportedIn(redis, fleet, rule),
    ]);
    const others = Object.entries(texts).flatMap(([id, text]) => {
      const stored = id === rule.id ? undefined : parseRule(id, text);
      return stored !== undefined && 'rule' in stored ? [stored.rule] : [];
    });
    const off = {
      pointer: '',
      detail:
        'the rules of this fleet are switched off; the rule is not evaluated until they are switched on',
    };
    return [...neverReported, ...clashesWith(rule, others), ...(isOff ? [off] : [])];
  }

  /** Remarks about a stored rule: contradictions with the telemetry schema, and likely mistakes. */
  async remarksOn(fleet: string, stored: StoredRule | UnreadableRule): Promise<readonly Remark[]> {
    const schema = await readTelemetrySchema(this.link.redis, fleet);
    const misfitting = schema === undefined ? [] : misfits(stored, schema);
    return 'rule' in stored
      ? [...misfitting, ...(await this.remarksInFleet(fleet, stored.rule))]
      : misfitting;
  }

  /** Contradictions of all rules of a fleet to a telemetry schema, at most 100. */
  async misfits(fleet: string, schema: TelemetrySchema): Promise<readonly Misfit[]> {
    const found: Misfit[] = [];
    for (let after: string | undefined = ''; after !== undefined && found.length < MAX_MISFITS; ) {
      const page: Awaited<ReturnType<typeof listRules>> = await listRules(this.link.redis, fleet, {
        limit: RULES_PER_PAGE,
        after,
      });
      for (const stored of page.rules)
        for (const remark of misfits(stored, schema)) found.push({ rule: stored.id, ...remark });
      after = page.next;
    }
    return found.slice(0, MAX_MISFITS);
  }

  /** As `check`, for a rule whose id is in the path: the document may omit it, but not name another one. */
  checkNamed(
    fleet: string,
    id: string,
    document: unknown,
  ): Promise<{ rule: Rule; warnings: readonly Remark[] }> {
    if (typeof document !== 'object' || document === null || Array.isArray(document))
      return this.check(fleet, document);
    const named: { id?: unknown } = { id, ...document };
    if (named.id === id) return this.check(fleet, named);
    throw new Problem('invalid-rule', 'The rule has 1 error; see errors.', {
      errors: [{ in: 'body', pointer: '/id', detail: `must be "${id}", as in the path, or omitted` }],
    });
  }
}

/** Devices that an absence rule names and that have never reported. */
async function neverReportedIn(redis: Redis, fleet: string, { absence, scope }: Rule): Promise<Remark[]> {
  if (absence === undefined || scope.devices === '*') return [];
  const named = scope.devices
    .flatMap((name, i) => (name.endsWith('*') ? [] : [{ name, i }]))
    .slice(0, MAX_NAMED);
  const devices = await readDevices(
    redis,
    fleet,
    named.map(({ name }) => name),
  );
  return named.flatMap(({ name, i }, place) =>
    devices[place]!.presence !== 'never_seen'
      ? []
      : [
          {
            pointer: `/scope/devices/${i}`,
            detail: `"${name}" has never reported; it counts as silent since the rule came into force`,
          },
        ],
  );
}

/** Other rules that set the same key of the same devices on another lane. */
function clashesWith(rule: Rule, others: readonly Rule[]): Remark[] {
  const own = drivenBy(rule);
  const found = others.flatMap((other) =>
    laneClashes(own, drivenBy(other)).map(
      ({ key, lane, other: differing }): Remark => ({
        pointer: '/command/lane',
        detail:
          `"${key}" is set on lane "${lane}" here, but on lane "${differing}" by rule "${other.id}". Commands on different lanes do not ` +
          'supersede each other, so a device that was offline gets both; use the same lane',
      }),
    ),
  );
  return found.slice(0, MAX_NAMED);
}

/** How long readings of a device are stored, estimated from the median interval of some devices; undefined if unknown. */
async function storedMsOf(redis: Redis, devices: readonly Device[]): Promise<number | undefined> {
  const reporting = devices.filter(({ last }) => last !== undefined).slice(0, MEASURED);
  const addresses = reporting.map(({ fleet, device, lesson }) => new DeviceAddress(fleet, device, lesson));
  const histories = await readWindows(
    redis,
    addresses.map((address) => ({ address, depth: INTERVALS })),
  );
  const intervals = histories.flatMap(({ readings }) => {
    const times = readings.map(({ at, receivedAt }) => at ?? receivedAt);
    const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
    return times.length < MIN_INTERVALS ? [] : [span / (times.length - 1)];
  });
  const middle = intervals.sort((a, b) => a - b)[Math.floor(intervals.length / 2)];
  return middle === undefined || middle <= 0 ? undefined : middle * WINDOW_DEPTH;
}

function misfits(stored: StoredRule | UnreadableRule, schema: TelemetrySchema): readonly Remark[] {
  return 'rule' in stored ? validateRule(stored.rule, { schema }).problems : [];
}
