import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import { parseRule, type StoredRule } from './rules.js';

/**
 * A requested release of what a version of a rule has started: requested with the write that replaced the version, disabled or deleted
 * the rule, or switched off the rules of the fleet. Replicas carry it out when they read the rules.
 */
export interface RuleRelease {
  /** The released version: the release covers states of its `since`, and of earlier ones. */
  readonly before: StoredRule;
  /** The devices for which the rule continues unchanged (stored as `goesOn`); undefined if there are none. */
  readonly keptFor: DeviceScope | undefined;
}

/** Parses a release; undefined if it is malformed. */
export function parseRelease(id: string, text: string): RuleRelease | undefined {
  const [, keptFor, record] = /^\{"at":\d+,"goesOn":(.*?),"before":(.*)\}$/s.exec(text) ?? [];
  const before = record === undefined ? undefined : parseRule(id, record);
  if (before === undefined || 'unreadable' in before) return undefined;
  try {
    return { before, keptFor: (JSON.parse(keptFor!) as DeviceScope | null) ?? undefined };
  } catch {
    return undefined;
  }
}
