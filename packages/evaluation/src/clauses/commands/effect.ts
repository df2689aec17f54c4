import { durationSchema } from '@lamplighter/contracts/duration';
import { z } from 'zod';
import type { Expression } from '../../expression/expression.js';
import { durationPattern, expressionField, milliseconds } from '../definition/clause.js';
import type { ExpressionCompiler, ExpressionField } from '../definition/expression-field.js';
import { duration, time } from '../definition/sentences.js';

export interface CompiledEffect {
  readonly effect: { readonly expect: Expression<boolean>; readonly withinMs: number } | undefined;
}
interface EffectFields {
  readonly effect?: { readonly expect: string; readonly within: string } | undefined;
}

const COMMANDED_DEVICE = { variables: ['last', 'device'] } as const;
const EXPECT: ExpressionField = {
  path: ['effect', 'expect'],
  returns: 'bool',
  visible: { device: COMMANDED_DEVICE, counting: COMMANDED_DEVICE, measuring: COMMANDED_DEVICE },
  decides: false,
};

/** What telemetry should show after a command has succeeded. It does not influence verdicts. */
export const effect = {
  fields: {
    effect: z
      .strictObject({
        expect: expressionField('A CEL condition; "last" is the reading before the command succeeded.'),
        within: durationSchema(1000, 3_600_000).meta(durationPattern),
      })
      .optional()
      .describe('What telemetry should show within that time after the command succeeded.'),
  },
  examples: { effect: { expect: 'light > last.light + 50', within: '10s' } },
  expressions: [EXPECT],
  compile: ({ effect: field }: EffectFields, compiler: ExpressionCompiler): CompiledEffect => ({
    effect: field && {
      expect: compiler.condition(EXPECT, field.expect),
      withinMs: milliseconds(field.within),
    },
  }),
};

/** An expected effect and what telemetry showed. Times are milliseconds. */
export interface MeasuredEffect {
  readonly outcome: 'pending' | 'effective' | 'ineffective' | 'unmeasured';
  readonly expect: string;
  readonly withinMs: number;
  /** When the outcome was determined. */
  readonly at?: number;
}

/** Explains whether a command had its expected effect. */
export function effectSentence({ outcome, expect, withinMs, at }: MeasuredEffect): string {
  const expected = `"${expect}" within ${duration(withinMs)}`;
  switch (outcome) {
    case 'pending':
      return `its expected effect (${expected}) is not known yet`;
    case 'effective':
      return `it had the expected effect (${expected})${at === undefined ? '' : `, detected in a reading at ${time(at)}`}`;
    case 'ineffective':
      return `it did not have the expected effect (${expected}): readings arrived, but none showed it`;
    case 'unmeasured':
      return `its effect (${expected}) could not be measured`;
  }
}
