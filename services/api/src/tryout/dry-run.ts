import { inScope } from '@lamplighter/contracts/rules/device-scope';
import {
  type DeviceFacts,
  type Evaluated,
  evaluate,
  type Observation,
} from '@lamplighter/evaluation/evaluate/evaluate';
import { conditionHolds } from '@lamplighter/evaluation/evaluate/evaluate-condition';
import type { Trace } from '@lamplighter/evaluation/evaluate/trace';
import { explain } from '@lamplighter/evaluation/explanation/explain';
import { ExpressionFailed } from '@lamplighter/evaluation/expression/expression';
import { voteOf } from '@lamplighter/evaluation/quorum/quorum';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { RuleState } from '@lamplighter/evaluation/rule/rule-state';

/** What came of trying a rule on one reading. */
export interface Tried extends Pick<Evaluated, 'result' | 'emit' | 'reason' | 'error' | 'wakeAt' | 'state'> {
  /** Of a quorum rule: what this sensor would say. */
  readonly vote?: boolean | number;
  readonly trace: Trace;
  readonly sentences: readonly string[];
}

/** What a rule is tried on. */
export interface Trial {
  readonly observation: Observation;
  readonly state: RuleState | undefined;
  readonly device: DeviceFacts;
  /** Server time, milliseconds. */
  readonly now: number;
}

/** Judges one reading as the rules service would, and tells how; nothing comes of it. */
export function tryRule(rule: CompiledRule, { observation, state, device, now }: Trial): Tried {
  const { device: name } = device.address;
  const outside = name === '' || inScope(rule.scope, name) ? [] : [`${name} is not in the scope of the rule`];
  if (rule.quorum !== undefined) return tryVote(rule, { observation, state, device, now }, outside);
  const trace: Trace = [];
  const evaluated = evaluate(rule, state, observation, device, now, trace);
  return { ...evaluated, trace, sentences: [...outside, ...explain(trace, 'would be')] };
}

/** One reading of a sensor is one vote; what the group makes of it hangs on the others. */
function tryVote(
  rule: CompiledRule,
  { observation, state, device }: Trial,
  outside: readonly string[],
): Tried {
  const trace: Trace = [];
  const scope = { reading: observation.reading, device: device.address };
  const { of: measured } = rule.quorum!;
  try {
    const vote = voteOf(rule, state?.raised, scope);
    // Of a measuring group `when` and `clear` ask about the value of all.
    if (measured === undefined) conditionHolds(rule, state?.raised === true, scope, trace);
    const said =
      vote === undefined
        ? 'nothing: the reading does not say'
        : typeof vote === 'boolean'
          ? vote
            ? 'yes'
            : 'no'
          : String(vote);
    const asked = measured === undefined ? '' : ` ("${measured}")`;
    return {
      result: vote === undefined ? 'undecided' : vote === false ? 'unmatched' : 'matched',
      emit: undefined,
      state: undefined,
      ...(vote !== undefined && { vote }),
      trace,
      sentences: [
        ...outside,
        ...explain(trace, 'would be'),
        `as one sensor of the group it would say ${said}${asked}; what is commanded hangs on the votes of all`,
      ],
    };
  } catch (error) {
    if (!(error instanceof ExpressionFailed)) throw error;
    const { message, kind } = error;
    trace.push({ clause: 'error', passes: false, reason: message });
    const sentences = [...outside, ...explain(trace, 'would be')];
    return { result: kind, emit: undefined, state: undefined, error: message, trace, sentences };
  }
}
