import { z } from 'zod';
import { actionSchema, DEFAULT_ATTEMPTS } from '../commands/command.js';
import { identitySchema } from '../identity.js';
import { isSafeJson } from '../json-value.js';
import { type SchemaProblem, schemaProblems } from '../schema-problem.js';
import { type InputFault, nameOf, schemaFault } from '../telemetry/input-fault.js';
import { jsonFault } from '../telemetry/json-scan.js';
import type { Measurement } from '../telemetry/reading.js';

/**
 * The fleet's rule at the edge. A command whose only key is `edge_rule` gives a device a rule to go by while its link is down, or takes
 * it away (`null`). What the device then decides by itself it reports in readings, under the key `_edge`:
 *
 * - `state`: what the rule remembers after the last decision, so that the server goes on from there. In every reading from the first
 *   decision until the server has one of them.
 * - `decisions`: what was decided and on what, each as a JSON text; once the link is back, and until the server has them.
 */
export const EDGE_RULE_KEY = 'edge_rule';

/** How the command is delivered: to a device that is offline for longer, the rule is sent again at the next check. */
export const EDGE_DELIVERY = {
  lane: EDGE_RULE_KEY,
  policy: 'latest',
  ttl: '7d',
  timeout: '1m',
  attempts: DEFAULT_ATTEMPTS,
} as const;

export const EDGE_BOUNDS = {
  /** Decisions that a device keeps until they are reported, and the server of each device; the oldest make room. */
  maxDecisions: 100,
  /** Decisions in one reading, and the length of each, characters. */
  maxReported: 8,
  maxDecisionLength: 1000,
} as const;

const time = z.int().min(0);

/** What a rule remembers, as `RuleState` of the evaluator has it. */
export const edgeStateSchema = z.strictObject({
  since: z.int().min(0),
  raised: z.boolean(),
  at: time,
  first: z.literal(true).optional(),
  emittedAt: time.optional(),
  repeats: z.int().min(0).max(1000).optional(),
  held: time.optional(),
  band: z.number().optional(),
  raisedAt: time.optional(),
  runUntil: time.optional(),
  loop: time.optional(),
  cut: time.optional(),
});
export type EdgeState = z.infer<typeof edgeStateSchema>;

const values = z.record(
  z.string(),
  z.unknown().refine((value) => isSafeJson(value, 4)),
) as z.ZodType<Record<string, Measurement>>;

/** One decision that a device took by itself. Times are milliseconds, the server's as far as the device knows it. */
export const edgeDecisionSchema = z.object({
  /** Grows with every decision of the device: about when it was taken. */
  id: z.int().min(1),
  rule: identitySchema,
  version: z.int().min(1),
  /** Which side of the rule: `then` (true) or `else`. */
  raise: z.boolean(),
  reason: z.enum(['change', 'every', 'reassert', 'run_over', 'first']),
  action: actionSchema.optional(),
  /** What came of it; absent as long as that is open. */
  status: z.enum(['succeeded', 'failed', 'rejected']).optional(),
  /** `_seq` of the reading that was judged. */
  seq: z.int().min(0).optional(),
  now: time,
  trigger: z.enum(['reading', 'timer']),
  /** All that the verdict was made of, as in the evidence of a command; absent if it was too much to report. */
  because: z
    .object({
      state: edgeStateSchema.optional(),
      reading: values,
      last: values.optional(),
      windows: z.record(z.string(), z.number()).optional(),
      value: z.number().optional(),
      ageMs: z.number(),
      heardAt: time,
    })
    .optional(),
});
export type EdgeDecision = z.infer<typeof edgeDecisionSchema>;

const reportSchema = z.object({
  rule: identitySchema,
  state: edgeStateSchema.optional(),
  decisions: z.array(z.string().max(EDGE_BOUNDS.maxDecisionLength)).max(EDGE_BOUNDS.maxReported).default([]),
  dropped: z.int().min(0).default(0),
});

/** What a reading says of the rule at the edge: decisions that are none are left out. */
export interface EdgeReport {
  readonly rule: string;
  readonly state?: EdgeState | undefined;
  readonly decisions: readonly EdgeDecision[];
  /** Decisions that the device could not keep until it could report them, ever. */
  readonly dropped: number;
}

/** Reads `_edge` of a reading; undefined if it is no report. Never throws. */
export function parseEdgeReport(value: unknown): EdgeReport | undefined {
  const report = reportSchema.safeParse(value);
  if (!report.success) return undefined;
  const { decisions, ...rest } = report.data;
  return { ...rest, decisions: decisions.flatMap((text) => parseEdgeDecision(text) ?? []) };
}

/** Says what is wrong with `_edge` of a reading: the report, or a decision in it that was left out; undefined if nothing is. */
export function edgeFault(value: unknown): InputFault<'schema' | 'bad_json'> | undefined {
  const [problem] = schemaProblems(reportSchema, value);
  if (problem !== undefined)
    return schemaFault(['_edge', ...problem.path], `\`_edge\`: ${sentenceOf(problem)}`);
  const { decisions } = reportSchema.parse(value);
  for (const [i, text] of decisions.entries()) {
    const path = ['_edge', 'decisions', i];
    const json = jsonFault(text);
    if (json !== undefined)
      return {
        ...schemaFault(path, `decision ${i + 1}: invalid JSON at character ${json.at + 1}: ${json.problem}`),
        reason: 'bad_json',
      };
    const [wrong] = schemaProblems(edgeDecisionSchema, JSON.parse(text));
    if (wrong !== undefined) return schemaFault(path, `decision ${i + 1}: ${sentenceOf(wrong)}`);
  }
  return undefined;
}

const sentenceOf = ({ path, message }: SchemaProblem) =>
  path.length === 0 ? `it ${message}` : `${nameOf(path)} ${message}`;

/** Reads one decision; undefined if it is none. Never throws. */
export function parseEdgeDecision(text: string): EdgeDecision | undefined {
  try {
    return edgeDecisionSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
