import { durationSchema } from '@lamplighter/contracts/duration';
import { z } from 'zod';
import type { Expression } from '../../expression/expression.js';
import { durationPattern, expressionField, milliseconds } from '../definition/clause.js';
import type { ExpressionCompiler, ExpressionField } from '../definition/expression-field.js';

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
