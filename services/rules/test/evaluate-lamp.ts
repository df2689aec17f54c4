// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { GroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { KnownDevice } from '../src/cache/known-device.js';
import { evaluatePart, type PendingReading } from '../src/evaluation/evaluate-part.js';
import { RuleSet } from '../src/rule-book/rule-set.js';

export const NIGHT_LIGHT: RuleInput = {
  id: 'night-light',
  when: 'light < 300',
  then: { led_on: true },
  else: { led_on: false },
};
/** The server time of evaluations, unless the test says otherwise. */
export const NOW = 1_800_000_000_000;
let parts = 0;

/** The rules in force, all since revision 1. */
export function setOf(...rules: RuleInput[]): RuleSet {
  return setSince(1, ...rules);
}
export function setSince(since: number, ...rules: RuleInput[]): RuleSet {
  return new RuleSet(rules.map((input) => compileRule(ruleSchema.parse(input), since, since)));
}
/** The stored state of a device without rule states. */
export const NOTHING_STORED = {
  mark: { seq: undefined, at: undefined },
  rules: '',
  kinds: '',
  session: { id: 1, keeps: false },
};
/** A new device with its rules; with `lesson`, it uses the lesson protocol. */
export function lamp(rules: RuleInput[] = [NIGHT_LIGHT], lesson = false): KnownDevice {
  const device = new KnownDevice(new DeviceAddress('demo', lesson ? 'demo' : 'lamp-1', lesson));
  device.useRules(setOf(...rules));
  device.adoptStored({ version: NEW_DEVICE, ...NOTHING_STORED });
  if (device.needsWindow) device.setWindow({ readings: [], count: 0, late: 0 }, 240);
  return device;
}
export function reading(light: number, seq?: number, more: Partial<PendingReading> = {}): PendingReading {
  return {
    n: undefined,
    seq,
    at: undefined,
    json: `{"light":${light}}`,
    reading: { light },
    isRetained: false,
    isReplayed: false,
    isLive: undefined,
    ageMs: 0,
    arrivedAt: 0,
    traceparent: undefined,
    ...more,
  };
}
/** Evaluates readings, or a timer if there are none. */
export function evaluateOn(
  device: KnownDevice,
  readings: PendingReading[],
  now = NOW,
  groupState?: GroupState,
  listeningSince = 0,
) {
  const errors: string[] = [];
  const counts = {
    matched: 0,
    unmatched: 0,
    undecided: 0,
    error: 0,
    budget_exceeded: 0,
    onError: (rule: { id: string }, _device: KnownDevice, message: string) =>
      errors.push(`${rule.id}: ${message}`),
  };
  const part = evaluatePart(device, readings, 'me', ++parts, now, counts, listeningSince, {
    of: () => groupState,
  });
  return { ...part, errors, actions: part.commands.map(({ action }) => action) };
}
