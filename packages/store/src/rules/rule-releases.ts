import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import { parseRule, type StoredRule } from './rules.js';

/**
 * That what a version of a rule has started is to be taken back: its writer has asked for it with the write that replaced the version,
 * disabled or deleted the rule, or switched off the rules of the fleet. The replicas do it when they read the rules.
 */
export interface RuleRelease {
  /** The version that has started it; states of its `since`, and of earlier ones, are meant. */
  readonly before: StoredRule;
  /** The devices for which the rule goes on unchanged; undefined if there are none. */
  readonly keptFor: DeviceScope | undefined;
}

/** Reads one; undefined if it cannot be read. */
export function parseRelease(id: string, text: string): RuleRelease | undefined {
  const [, goesOn, record] = /^\{"at":\d+,"goesOn":(.*?),"before":(.*)\}$/s.exec(text) ?? [];
  const before = record === undefined ? undefined : parseRule(id, record);
  if (before === undefined || 'unreadable' in before) return undefined;
  try {
    return { before, keptFor: (JSON.parse(goesOn!) as DeviceScope | null) ?? undefined };
  } catch {
    return undefined;
  }
}
