import { type CompiledRule, compileRule } from '@lamplighter/evaluation/compile-rule';
import { parseRule, type StoredRule, type UnreadableRule } from '@lamplighter/store/rules';
import { RuleSet } from './rule-set.js';

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
 * @param texts records of the store by rule
 * @param before what the fleet had so far
 */
export async function compileSet(
  texts: Readonly<Record<string, string>>,
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
  const unusable: { id: string; version: number; error: string }[] = [];
  for (const { stored, compiled, error } of [...kept.values()].sort(byId)) {
    if (error !== undefined) unusable.push({ id: stored.id, version: stored.version, error });
    else if (compiled !== undefined) inForce.push(compiled);
  }
  return { set: new RuleSet(inForce), kept, unusable };
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
  // One that is off judges nothing, but ends the runs that it has begun.
  if (!stored.rule.enabled && stored.rule.run === undefined) return kept(undefined, undefined);
  try {
    return kept(compileRule(stored.rule, stored.version, stored.since), undefined);
  } catch (error) {
    return kept(undefined, (error as Error).message);
  }
}

/** The order is the same in every replica. */
function byId(a: Kept, b: Kept): number {
  return a.stored.id < b.stored.id ? -1 : 1;
}
