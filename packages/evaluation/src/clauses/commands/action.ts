// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import {
  type Action,
  actionSchema,
  deliverySchema,
  type OnFailure,
  type Policy,
} from '@lamplighter/contracts/commands/command';
import { z } from 'zod';
import type { TraceStep } from '../../context/trace.js';
import { milliseconds } from '../definition/clause.js';
import { duration, type Mood } from '../definition/sentences.js';

export interface CompiledAction {
  readonly whenTrue: Action;
  readonly whenFalse: Action | undefined;
  readonly mode: 'change' | 'every';
  readonly policy: Policy;
  readonly lane: string | undefined;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly onFailure: OnFailure | undefined;
}
interface ActionFields {
  readonly then: Action;
  readonly else?: Action | undefined;
  readonly command: z.infer<typeof deliverySchema>;
  readonly mode: 'change' | 'every';
}

/** What a rule commands, and how. */
export const action = {
  fields: {
    then: actionSchema,
    else: actionSchema.optional(),
    command: deliverySchema.prefault({}),
    mode: z
      .enum(['change', 'every'])
      .default('change')
      .describe("Command when the verdict changes, or on every reading, like the lesson's server."),
  },
  examples: {
    then: { led_on: true },
    else: { led_on: false },
    command: { policy: 'latest', lane: 'led_on' },
    mode: 'every',
  },
  compile: ({ then, else: otherwise, command, mode }: ActionFields): CompiledAction => ({
    whenTrue: then,
    whenFalse: otherwise,
    mode,
    policy: command.policy,
    lane: command.lane,
    ttlMs: milliseconds(command.ttl),
    timeoutMs: milliseconds(command.timeout),
    attempts: command.attempts,
    onFailure: command.onFailure,
  }),
  sentences: { emit: emitSentence },
};

function emitSentence({ passes, value, action: emitted, reason, amount = 0 }: TraceStep, mood: Mood): string {
  const side = value === true ? 'raised' : 'lowered';
  if (reason === undefined && value === undefined)
    return `no command ${mood} sent: nothing had been decided yet`;
  if (reason === undefined)
    return `no command ${mood} sent: the rule had been ${side} for ${duration(amount)}`;
  if (!passes) return `the rule was ${side}, and there was nothing to command`;
  const command = `${JSON.stringify(emitted)} ${mood} sent`;
  switch (reason) {
    case 'first':
      return `this was the first verdict: ${side}, so ${command}`;
    case 'every':
      return `every reading gets a command: ${side}, so ${command}`;
    case 'reassert':
      return `the rule was ${side} as before, so ${command} again`;
    case 'lost':
      return `${command}, the safe action`;
    case 'released':
      return `the rule was released, so ${command}`;
    case 'found':
      return `enough sensors had fresh votes again: ${side}, so ${command}`;
    case 'run_over':
      return `the run was over, so ${command}`;
    default:
      return `the rule was ${side}, so ${command}`;
  }
}
