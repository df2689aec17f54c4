import { z } from 'zod';
import type { EvaluationContext } from '../../context/evaluation-context.js';
import type { Stop } from '../definition/clause.js';

export interface CompiledEnabled {
  readonly enabled: boolean;
}

/** A disabled rule is not evaluated; a run that it started still ends. */
export const enabled = {
  fields: { enabled: z.boolean().default(true) },
  examples: { enabled: false },
  compile: (rule: { readonly enabled: boolean }): CompiledEnabled => ({ enabled: rule.enabled }),
  stop({ rule, before, trace }: EvaluationContext<CompiledEnabled>): Stop | undefined {
    if (rule.enabled) return undefined;
    trace?.push({ clause: 'enabled', passes: false });
    return { state: before };
  },
  sentences: { enabled: () => 'the rule was disabled' },
};
