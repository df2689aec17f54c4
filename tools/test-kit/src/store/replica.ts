import { randomUUID } from 'node:crypto';
import { newCommandId } from '@lamplighter/store/commands/command-id';
import type { EmittedCommand } from '@lamplighter/store/commands/emitted-command';
import { commandJson } from '@lamplighter/store/commands/read-commands';
import type { DeviceAddress } from '@lamplighter/store/devices/device-address';
import {
  FIRST_VERSION,
  NEW_DEVICE,
  UNKNOWN_VERSION,
  versionAfter,
} from '@lamplighter/store/rules/state-version';
import { acceptReadings } from '@lamplighter/store/telemetry/accept-readings';
import type { DevicePart, PartOutcome } from '@lamplighter/store/telemetry/device-part';
import {
  isLiveKind,
  isNewer,
  kindOf,
  type Mark,
  type NewReading,
  partBefore,
  tailAfter,
  type WindowTail,
} from '@lamplighter/store/telemetry/reading-order';
import type { Redis } from 'ioredis';

/** A reading for the store: `reading({ light: 299, _seq: 7 })`. */
export function reading(
  values: Record<string, unknown> & { _n?: number; _seq?: number; _at?: number },
): NewReading {
  return { n: values._n, seq: values._seq, at: values._at, json: JSON.stringify(values) };
}

/** A command that a rule emits for a device. */
export function emitted(device: DeviceAddress, changes: Partial<EmittedCommand> = {}): EmittedCommand {
  return {
    id: newCommandId(device.shard),
    lane: 'led_on',
    policy: 'latest',
    ttl: 3_600_000,
    json: commandJson({ source: 'rule', rule: 'night-light' }, { led_on: true }),
    cause: 'rule:night-light',
    ...changes,
  };
}

interface CachedDevice {
  version: string;
  mark: Mark;
  rules: string;
  tail?: WindowTail | undefined;
}

/** The evaluation result of a part. `rules` returns the new rule states, given the cached ones. */
export interface RuleResult {
  readonly commands?: readonly EmittedCommand[];
  readonly rules?: (cached: string, live: readonly NewReading[]) => string;
}

/** A part with its readings in order of arrival. */
export type EvaluatedPart = DevicePart & { readonly readings: readonly NewReading[] };

/** How a reading arrived; default: not in a replay, not retained. */
export interface ArrivalOptions {
  readonly isRetained?: boolean;
  readonly isReplayed?: boolean;
}

/** A rules replica as the store sees it: it has a device cache, and updates it on a conflict. */
export class Replica {
  readonly cache = new Map<string, CachedDevice>();
  private parts = 0;
  /** The kinds of readings that the store returned with a conflict. */
  private readonly storedKinds = new Map<string, string>();

  constructor(
    readonly redis: Redis,
    readonly name = `rules-${randomUUID()}`,
  ) {}

  /** Evaluates a part by the device cache, and updates the cache as if the store had accepted the part. */
  evaluate(
    address: DeviceAddress,
    readings: readonly (NewReading & ArrivalOptions)[],
    result: RuleResult = {},
  ): EvaluatedPart {
    const cached = this.cache.get(address.name) ?? { version: UNKNOWN_VERSION, mark: NOTHING, rules: '' };
    const kindsInStore = this.storedKinds.get(address.name);
    this.storedKinds.delete(address.name);
    const live: NewReading[] = [];
    const late: NewReading[] = [];
    let { mark } = cached;
    let kinds = '';
    for (const [i, next] of readings.entries()) {
      const { isRetained = false, isReplayed = false } = next;
      const isLive =
        !isRetained &&
        (kindsInStore?.length === readings.length ? isLiveKind(kindsInStore[i]!) : isNewer(next, mark));
      if (isLive) {
        live.push(next);
        mark = next;
      } else late.push(next);
      kinds += kindOf(isLive, { isRetained, isReplayed });
    }
    const part = ++this.parts;
    const rules = (live.length > 0 && result.rules?.(cached.rules, live)) || '';
    let { version } = cached;
    if (rules !== '') version = versionAfter(this.name, part);
    else if (version === NEW_DEVICE) version = FIRST_VERSION;
    const after = partBefore(cached.tail, live);
    const tail = tailAfter(part, live);
    mark = { seq: mark.seq, at: mark.at };
    this.cache.set(address.name, { version, mark, rules: rules || cached.rules, tail });
    const commands = live.length > 0 ? (result.commands ?? []) : [];
    const { version: evaluatedOn } = cached;
    const isUsual = kinds === '0'.repeat(live.length) + '1'.repeat(late.length);
    return {
      ...{ address, part, after, version: evaluatedOn, rules, live, late, commands, readings },
      ...(!isUsual && { kinds }),
    };
  }

  /** Sends parts unchanged. */
  send(...parts: DevicePart[]): Promise<PartOutcome[]> {
    return acceptReadings(this.redis, this.name, parts);
  }

  /** Accepts readings of one device: evaluates them, and evaluates them again after each conflict. */
  async accept(
    address: DeviceAddress,
    readings: readonly (NewReading & ArrivalOptions)[],
    result?: RuleResult,
  ): Promise<PartOutcome> {
    const [outcome] = await this.send(this.evaluate(address, readings, result));
    return this.adopt(address, outcome!) ? this.accept(address, readings, result) : outcome!;
  }

  /** Updates the device cache on a conflict; true if the part must be evaluated again. */
  adopt(address: DeviceAddress, { stored }: PartOutcome): boolean {
    if (stored) this.storedKinds.set(address.name, stored.kinds);
    if (stored) this.cache.set(address.name, stored);
    return stored !== undefined;
  }
}

const NOTHING: Mark = { seq: undefined, at: undefined };
