import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import { commandsTopic, parseTopic } from '@lamplighter/contracts/topics';
import type { CompiledRule, DeviceFacts, RuleState } from '@lamplighter/evaluation/evaluate';
import {
  DeviceAddress,
  type DeviceGrounds,
  type Mark,
  type Session,
  UNKNOWN_VERSION,
} from '@lamplighter/store/accept-readings';
import type { RuleSet } from '../evaluation/load-rules.js';

/**
 * What this replica believes of a device. The store has the truth: it compares `version` and `mark` with its own, and sends
 * its grounds back when they differ. So a wrong belief costs a round trip, never a wrong state.
 */
export class KnownDevice implements DeviceFacts {
  readonly address: DeviceAddress;
  readonly commandsTopic: string;
  readonly rules: readonly CompiledRule[];
  readonly lesson: boolean;
  readonly isCanary: boolean;
  private session: Session | undefined;
  version: string = UNKNOWN_VERSION;
  mark: Mark = { seq: undefined, at: undefined };
  states: Readonly<Record<string, RuleState>> = {};

  constructor(address: DeviceAddress, rules: readonly CompiledRule[]) {
    this.address = address;
    this.rules = rules;
    this.lesson = address.lesson;
    this.isCanary = address.fleet === CANARY_FLEET;
    this.commandsTopic = commandsTopic(address.fleet, address.device, address.lesson);
  }

  /** It understands `_cmd` and answers. */
  get answers(): boolean {
    return this.session !== undefined;
  }

  /** It keeps readings until a receipt comes. */
  get keeps(): boolean {
    return this.session?.keeps === true;
  }

  /** Takes a birth. The store may still tell of an older one for a moment. */
  announce(session: Session): void {
    if (this.session === undefined || session.id >= this.session.id) this.session = session;
  }

  /** Takes over what the store holds. */
  believe(grounds: DeviceGrounds): void {
    this.version = grounds.version;
    this.mark = grounds.mark;
    this.states = grounds.rules === '' ? {} : (JSON.parse(grounds.rules) as Record<string, RuleState>);
    if (grounds.session !== undefined) this.announce(grounds.session);
  }
}

/** Devices kept; the least recently heard make room. About 1 kB each. */
const MAX_DEVICES = 100_000;

/** Devices by telemetry topic. */
export class DeviceCache {
  private readonly byTopic = new Map<string, KnownDevice>();
  private older = new Map<string, KnownDevice>();

  constructor(private readonly rules: RuleSet) {}

  /** The device that publishes on a topic; undefined if the topic is none of the contract. */
  find(topic: string): KnownDevice | undefined {
    return this.byTopic.get(topic) ?? this.add(topic);
  }

  /** A birth came: from now on the device understands `_cmd` and answers, and it said whether it keeps readings. */
  announce(topic: string, session: Session): void {
    const known = this.byTopic.get(topic) ?? this.older.get(topic);
    known?.announce(session);
  }

  private add(topic: string): KnownDevice | undefined {
    const device = this.older.get(topic) ?? this.create(topic);
    if (device === undefined) return undefined;
    if (this.byTopic.size >= MAX_DEVICES / 2) {
      // Two generations instead of a linked list: what is not heard during a whole generation is forgotten.
      this.older = new Map(this.byTopic);
      this.byTopic.clear();
    }
    this.byTopic.set(topic, device);
    return device;
  }

  private create(topic: string): KnownDevice | undefined {
    const parsed = parseTopic(topic);
    if (parsed?.kind !== 'telemetry') return undefined;
    const { fleet, device, lesson } = parsed;
    return new KnownDevice(new DeviceAddress(fleet, device, lesson), this.rules.forDevice(fleet, device));
  }
}
