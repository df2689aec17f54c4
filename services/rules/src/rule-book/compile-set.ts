import { promisedEnd } from '@lamplighter/evaluation/evaluate/promised-end';
import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { parseRelease } from '@lamplighter/store/rules/rule-releases';
import {
  type FleetRuleTexts,
  parseRule,
  type StoredRule,
  type UnreadableRule,
} from '@lamplighter/store/rules/rules';
import { type Release, RuleSet } from './rule-set.js';

/** Compiling holds up telemetry for no longer than this at a time, milliseconds. */
const SLICE_MS = 5;

/** A record of the store and what it was compiled to. */
interface Kept {
  readonly text: string;
  readonly stored: StoredRule | UnreadableRule;
  readonly compiled: CompiledRule | undefined;
  readonly error: string | undefined;
}

/** The rules of one fleet as they were read, so that the next reading compiles only what has changed. */
export interface FleetRules {
  readonly set: RuleSet;
  readonly kept: ReadonlyMap<string, Kept>;
  /** Rules that are not in the set although they are enabled, and why. */
  readonly unusable: readonly { readonly id: string; readonly version: number; readonly error: string }[];
}

/**
 * Compiles the rules of a fleet. One that cannot be read or compiled is left out; the others are in force all the same.
 * @param stored as the store has them
 * @param before what the fleet had so far
 */
export async function compileSet(
  { texts, releases, revision, isOff }: FleetRuleTexts,
  before: FleetRules | undefined,
): Promise<FleetRules> {
  const kept = new Map<string, Kept>();
  let since = performance.now();
  for (const [id, text] of Object.entries(texts)) {
    const known = before?.kept.get(id);
    kept.set(id, known?.text === text ? known : compile(id, text));
    if (performance.now() - since < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    since = performance.now();
  }
  const inForce: CompiledRule[] = [];
  const disabled = new Set<string>();
  const unusable: { id: string; version: number; error: string }[] = [];
  for (const { stored, compiled, error } of [...kept.values()].sort(byId)) {
    if (error !== undefined) unusable.push({ id: stored.id, version: stored.version, error });
    else if (compiled === undefined) disabled.add(stored.id);
    else if (!isOff) inForce.push(compiled);
  }
  const facts = { revision, isOff, disabled, releases: releasesIn(releases) };
  return { set: new RuleSet(inForce, facts), kept, unusable };
}

/** What is to be taken back, and can be: a rule without `else` leaves its devices as they are. */
function releasesIn(texts: FleetRuleTexts['releases']): Map<string, Release> {
  const releases = new Map<string, Release>();
  for (const [id, text] of Object.entries(texts)) {
    const release = parseRelease(id, text);
    if (release === undefined) continue;
    const { before, keptFor: goesOn } = release;
    try {
      const end = promisedEnd(compileRule(before.rule, before.version, before.since));
      if (end === undefined) continue;
      const { devices } = before.rule.scope;
      releases.set(id, { rule: id, since: before.since, scope: devices, goesOn, end });
      // eslint-disable-next-line no-restricted-syntax -- a rule that does not compile has started nothing
    } catch {
      // A rule that does not compile has started nothing.
    }
  }
  return releases;
}

function compile(id: string, text: string): Kept {
  const stored = parseRule(id, text);
  const kept = (compiled: CompiledRule | undefined, error: string | undefined): Kept => ({
    text,
    stored,
    compiled,
    error,
  });
  if ('unreadable' in stored) return kept(undefined, stored.unreadable);
  // A disabled rule judges nothing; what it has started ends by what is stored with the rule states.
  if (!stored.rule.enabled) return kept(undefined, undefined);
  try {
    return kept(compileRule(stored.rule, stored.version, stored.since), undefined);
    // eslint-disable-next-line no-restricted-syntax -- the error is stored with the rule
  } catch (error) {
    return kept(undefined, (error as Error).message);
  }
}

/** The order is the same in every replica. */
function byId(a: Kept, b: Kept): number {
  return a.stored.id < b.stored.id ? -1 : 1;
}
