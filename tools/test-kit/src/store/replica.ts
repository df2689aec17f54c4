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

/** What a part holds beside its readings; `rules` makes new rule states of those believed in. */
export interface RuleResult {
  readonly commands?: readonly EmittedCommand[];
  readonly rules?: (believed: string, live: readonly NewReading[]) => string;
}

/** A part with its readings in the order in which they came. */
export type EvaluatedPart = DevicePart & { readonly readings: readonly NewReading[] };

/** How a reading came; by default alone, and not retained. */
export interface ArrivalOptions {
  readonly isRetained?: boolean;
  readonly isReplayed?: boolean;
}

/** A rules service as the store sees it: it believes things of devices, and adopts the store's word when it was wrong. */
export class Replica {
  readonly cache = new Map<string, CachedDevice>();
  private parts = 0;
  /** As what the store said the readings of a part are to be judged. */
  private readonly placed = new Map<string, string>();

  constructor(
    readonly redis: Redis,
    readonly name = `rules-${randomUUID()}`,
  ) {}

  /** A part judged on what this replica believes, which moves on as if the store had agreed. */
  evaluate(
    address: DeviceAddress,
    readings: readonly (NewReading & ArrivalOptions)[],
    judgement: RuleResult = {},
  ): EvaluatedPart {
    const believed = this.cache.get(address.name) ?? { version: UNKNOWN_VERSION, mark: NOTHING, rules: '' };
    const placed = this.placed.get(address.name);
    this.placed.delete(address.name);
    const live: NewReading[] = [];
    const late: NewReading[] = [];
    let { mark } = believed;
    let kinds = '';
    for (const [i, next] of readings.entries()) {
      const { isRetained = false, isReplayed = false } = next;
      const isLive =
        !isRetained && (placed?.length === readings.length ? isLiveKind(placed[i]!) : isNewer(next, mark));
      if (isLive) {
        live.push(next);
        mark = next;
      } else late.push(next);
      kinds += kindOf(isLive, { isRetained, isReplayed });
    }
    const part = ++this.parts;
    const rules = (live.length > 0 && judgement.rules?.(believed.rules, live)) || '';
    let { version } = believed;
    if (rules !== '') version = versionAfter(this.name, part);
    else if (version === NEW_DEVICE) version = FIRST_VERSION;
    const after = partBefore(believed.tail, live);
    const tail = tailAfter(part, live);
    mark = { seq: mark.seq, at: mark.at };
    this.cache.set(address.name, { version, mark, rules: rules || believed.rules, tail });
    const commands = live.length > 0 ? (judgement.commands ?? []) : [];
    const { version: judgedOn } = believed;
    const isUsual = kinds === '0'.repeat(live.length) + '1'.repeat(late.length);
    return {
      ...{ address, part, after, version: judgedOn, rules, live, late, commands, readings },
      ...(!isUsual && { kinds }),
    };
  }

  /** Sends parts as they are. */
  send(...parts: DevicePart[]): Promise<PartOutcome[]> {
    return acceptReadings(this.redis, this.name, parts);
  }

  /** Takes readings of one device: judges them, and judges again on the store's grounds as long as it disagrees. */
  async accept(
    address: DeviceAddress,
    readings: readonly (NewReading & ArrivalOptions)[],
    judgement?: RuleResult,
  ): Promise<PartOutcome> {
    const [outcome] = await this.send(this.evaluate(address, readings, judgement));
    return this.adopt(address, outcome!) ? this.accept(address, readings, judgement) : outcome!;
  }

  /** Adopts the store's grounds; true if the part is to be judged again. */
  adopt(address: DeviceAddress, { stored }: PartOutcome): boolean {
    if (stored) this.placed.set(address.name, stored.kinds);
    if (stored) this.cache.set(address.name, stored);
    return stored !== undefined;
  }
}

const NOTHING: Mark = { seq: undefined, at: undefined };
