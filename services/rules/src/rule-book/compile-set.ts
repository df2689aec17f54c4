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

/** Compiling yields to telemetry after this, milliseconds. */
const SLICE_MS = 5;

/** A stored rule and its compiled form. */
interface CompiledRecord {
  readonly text: string;
  readonly stored: StoredRule | UnreadableRule;
  readonly compiled: CompiledRule | undefined;
  readonly error: string | undefined;
}

/** The rules of one fleet with their stored texts, so that the next load compiles only those that changed. */
export interface FleetRules {
  readonly set: RuleSet;
  readonly kept: ReadonlyMap<string, CompiledRecord>;
  /** Enabled rules that are left out of the set, and why. */
  readonly unusable: readonly { readonly id: string; readonly version: number; readonly error: string }[];
}

/** Compiles the rules of a fleet. A rule that cannot be read or compiled is left out; the others are in force. */
export async function compileSet(
  { texts, releases, revision, isOff }: FleetRuleTexts,
  before: FleetRules | undefined,
): Promise<FleetRules> {
  const kept = new Map<string, CompiledRecord>();
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

/** The releases that have a command: a rule without `else` leaves its devices as they are. */
function releasesIn(texts: FleetRuleTexts['releases']): Map<string, Release> {
  const releases = new Map<string, Release>();
  for (const [id, text] of Object.entries(texts)) {
    const release = parseRelease(id, text);
    if (release === undefined) continue;
    const { before, keptFor } = release;
    try {
      const end = promisedEnd(compileRule(before.rule, before.version, before.since));
      if (end === undefined) continue;
      const { devices } = before.rule.scope;
      releases.set(id, { rule: id, since: before.since, scope: devices, keptFor, end });
      // eslint-disable-next-line no-restricted-syntax -- a rule that does not compile was never in force
    } catch {
      // A rule that does not compile was never in force, so there is nothing to release.
    }
  }
  return releases;
}

function compile(id: string, text: string): CompiledRecord {
  const stored = parseRule(id, text);
  const kept = (compiled: CompiledRule | undefined, error: string | undefined): CompiledRecord => ({
    text,
    stored,
    compiled,
    error,
  });
  if ('unreadable' in stored) return kept(undefined, stored.unreadable);
  // A disabled rule is not evaluated; its runs end by the promised end in the rule states.
  if (!stored.rule.enabled) return kept(undefined, undefined);
  try {
    return kept(compileRule(stored.rule, stored.version, stored.since), undefined);
    // eslint-disable-next-line no-restricted-syntax -- the error is stored with the rule
  } catch (error) {
    return kept(undefined, (error as Error).message);
  }
}

/** The order of evaluation must be the same in every replica. */
function byId(a: CompiledRecord, b: CompiledRecord): number {
  return a.stored.id < b.stored.id ? -1 : 1;
}
