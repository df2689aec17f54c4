import { type Mood } from '../clauses/definition/sentences.js';
import { SENTENCES } from '../clauses/rule-clauses.js';
import type { Trace, TraceStep } from '../context/trace.js';

/** Explains each step of a trace in one sentence. */
export function explain(trace: Trace, mood: Mood = 'was'): string[] {
  return trace.map((step) => SENTENCES[step.clause](step, mood));
}

/**
 * The clauses that stopped the evaluation or another verdict; there can be several.
 * @param raised the current verdict
 */
export function obstacles(trace: Trace, raised = false): TraceStep[] {
  return trace.filter(({ clause, passes, value }) => {
    switch (clause) {
      case 'emit':
      case 'reassert':
        return false;
      case 'when':
      case 'quorum':
        return raised ? value !== false : !passes;
      case 'absence':
        return passes === raised;
      case 'clear':
        return raised ? value !== true : passes; // where both hold, nothing is raised
      default:
        return !passes;
    }
  });
}
