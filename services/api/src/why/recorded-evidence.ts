import { isDeepStrictEqual } from 'node:util';
import type { Trace } from '@lamplighter/evaluation/context/trace';
import { type Evidence, replay } from '@lamplighter/evaluation/evaluate/evidence';
import { isEndEvidence, replayEnd } from '@lamplighter/evaluation/evaluate/promised-end';
import { ExpressionFailed, ExpressionInvalid } from '@lamplighter/evaluation/expression/errors';
import type { Tally } from '@lamplighter/evaluation/quorum/quorum';
import {
  isGroupEvidence,
  isTargetEvidence,
  replayGroup,
  replayTarget,
} from '@lamplighter/evaluation/quorum/quorum-evidence';
import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { Command } from '@lamplighter/store/commands/read-commands';
import type { RuleVersion } from '@lamplighter/store/rules/rule-versions';
import { z } from 'zod';
import { tallySchema } from '../rules/trace.schema.js';

const values = z.record(z.string(), z.unknown());
/** Milliseconds since 1970, up to the last time that a Date can hold. */
const time = z.number().min(0).max(8.64e15);

const group = z.looseObject({
  since: z.number(),
  begun: time,
  lostAt: time.optional(),
  safeAt: time.optional(),
  toldAt: time.optional(),
});

/** The fields needed to explain and replay a verdict; only the evaluator reads the rest. */
const evidenceSchema = z.looseObject({
  version: z.number(),
  now: time,
  trigger: z.enum(['reading', 'timer']),
  state: z.looseObject({ raised: z.boolean(), at: time }).optional(),
  reading: values,
  last: values.optional(),
  windows: z.record(z.string(), z.number()).optional(),
  ageMs: z.number(),
  heardAt: time,
  device: z.looseObject({ address: z.looseObject({ fleet: z.string(), device: z.string() }) }),
  group: group.optional(),
  standing: group.optional(),
  tally: tallySchema.optional(),
  end: z.looseObject({ version: z.number(), action: values }).optional(),
});

/** The evidence recorded with a command; undefined if it is missing or malformed. */
export function evidenceIn(command: Command): Evidence | undefined {
  if (command.source !== 'rule') return undefined;
  const { success, data } = evidenceSchema.safeParse(command.because);
  if (!success || (data.group !== undefined && data.tally === undefined)) return undefined;
  return command.because as Evidence;
}

/** The count of the votes, if a group decided. */
export function tallyIn(evidence: Evidence): Tally | undefined {
  return isGroupEvidence(evidence) ? evidence.tally : undefined;
}

export interface Replayed {
  /** Whether the recorded inputs lead to the issued command. */
  readonly replayed: boolean;
  /** If not, why not. */
  readonly problem?: string;
  /** The results of the clauses; absent without the rule. */
  readonly trace?: Trace;
  /** An error that neither the rule nor its readings explain: a malformed record, or a bug. */
  readonly unexpected?: unknown;
}

/**
 * Evaluates the recorded evidence again, with the same version of the rule.
 * @param version undefined if it has been pruned
 */
export function replayCommand(
  { action }: Command,
  evidence: Evidence,
  version: RuleVersion | undefined,
): Replayed {
  if (isEndEvidence(evidence)) return replayed(action, replayEnd(evidence));
  if (version === undefined || !('rule' in version)) {
    const problem = `version ${evidence.version} of the rule has been pruned, so its clauses cannot be shown; the recorded inputs are`;
    return { replayed: false, problem };
  }
  try {
    // Rules that were switched off and on with their fleet restart from scratch without a new version.
    const rule = compileRule(version.rule, version.version, evidence.since ?? version.since);
    return replayed(action, replayAny(rule, evidence));
    // eslint-disable-next-line no-restricted-syntax -- the caller reports it
  } catch (error) {
    const problem = `it cannot be evaluated again: ${error instanceof Error ? error.message : String(error)}`;
    const isExpected = error instanceof ExpressionInvalid || error instanceof ExpressionFailed;
    return { replayed: false, problem, ...(!isExpected && { unexpected: error }) };
  }
}

interface Outcome {
  readonly evaluated: { readonly emit?: unknown };
  readonly trace: Trace;
}

function replayed(action: Command['action'], { evaluated, trace }: Outcome): Replayed {
  if (isDeepStrictEqual(evaluated.emit, action)) return { replayed: true, trace };
  const outcome = evaluated.emit === undefined ? 'nothing' : JSON.stringify(evaluated.emit);
  return {
    replayed: false,
    trace,
    problem: `evaluated again, the recorded inputs lead to ${outcome} instead: the record or the software has changed since, or this is a bug`,
  };
}

function replayAny(rule: CompiledRule, evidence: Evidence): Outcome {
  if (isTargetEvidence(evidence)) return replayTarget(rule, evidence);
  return isGroupEvidence(evidence) ? replayGroup(rule, evidence) : replay(rule, evidence);
}
