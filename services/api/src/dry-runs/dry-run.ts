import { inScope } from '@lamplighter/contracts/rules/device-scope';
import { conditionHolds } from '@lamplighter/evaluation/clauses/conditions/when';
import type { Evaluated } from '@lamplighter/evaluation/context/evaluated';
import type { DeviceFacts, Observation } from '@lamplighter/evaluation/context/evaluation-context';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import type { Trace } from '@lamplighter/evaluation/context/trace';
import { evaluate } from '@lamplighter/evaluation/evaluate/evaluate';
import { explain } from '@lamplighter/evaluation/explanation/explain';
import { ExpressionFailed } from '@lamplighter/evaluation/expression/expression';
import { voteOf } from '@lamplighter/evaluation/quorum/quorum';
import { voteSentence } from '@lamplighter/evaluation/quorum/quorum-sentences';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';

/** The result of a dry run on one reading. */
export interface DryRunResult
  extends Pick<Evaluated, 'result' | 'emit' | 'reason' | 'error' | 'wakeAt' | 'state'> {
  /** For a quorum rule: the vote of this sensor. */
  readonly vote?: boolean | number;
  readonly trace: Trace;
  readonly sentences: readonly string[];
}

/** The inputs of a dry run. */
export interface DryRunInput {
  readonly observation: Observation;
  readonly state: RuleState | undefined;
  readonly device: DeviceFacts;
  /** Server time, milliseconds. */
  readonly now: number;
}

/** Evaluates one reading as the rules service would, and explains the result. Writes nothing. */
export function dryRun(rule: CompiledRule, { observation, state, device, now }: DryRunInput): DryRunResult {
  const { device: name } = device.address;
  const outside = name === '' || inScope(rule.scope, name) ? [] : [`${name} is not in the scope of the rule`];
  if (rule.quorum !== undefined) return dryRunVote(rule, { observation, state, device, now }, outside);
  const trace: Trace = [];
  const evaluated = evaluate(rule, state, observation, device, now, trace);
  return { ...evaluated, trace, sentences: [...outside, ...explain(trace, 'would be')] };
}

/** A reading of a sensor is one vote; the verdict of the group depends on all votes. */
function dryRunVote(
  rule: CompiledRule,
  { observation, state, device }: DryRunInput,
  outside: readonly string[],
): DryRunResult {
  const trace: Trace = [];
  const scope = { reading: observation.reading, device: device.address };
  const { of: measured } = rule.quorum!;
  try {
    const vote = voteOf(rule, state?.raised, scope);
    // With `of`, `when` and `clear` apply to the value of the group.
    if (measured === undefined) conditionHolds(rule, state?.raised === true, scope, trace);
    return {
      result: vote === undefined ? 'undecided' : vote === false ? 'unmatched' : 'matched',
      emit: undefined,
      state: undefined,
      ...(vote !== undefined && { vote }),
      trace,
      sentences: [...outside, ...explain(trace, 'would be'), voteSentence(vote, measured)],
    };
  } catch (error) {
    if (!(error instanceof ExpressionFailed)) throw error;
    const { message, kind } = error;
    trace.push({ clause: 'error', passes: false, reason: message });
    const sentences = [...outside, ...explain(trace, 'would be')];
    return { result: kind, emit: undefined, state: undefined, error: message, trace, sentences };
  }
}
