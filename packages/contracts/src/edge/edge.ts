import { z } from 'zod';
import { actionSchema, DEFAULT_ATTEMPTS } from '../commands/command.js';
import { identitySchema } from '../identity.js';
import { isSafeJson } from '../json-value.js';
import { type SchemaProblem, schemaProblems } from '../schema-problem.js';
import { type InputFault, nameOf, schemaFault } from '../telemetry/input-fault.js';
import { jsonFault } from '../telemetry/json-scan.js';
import type { Measurement } from '../telemetry/reading.js';

/**
 * The edge rule. A command whose only key is `edge_rule` gives a device a rule to evaluate while its link is down, or removes it (`null`). The
 * device reports its decisions in readings, under the key `_edge`:
 *
 * - `state`: the rule state after the last decision, from which the server continues. In every reading from the first decision until the
 *   server has stored one of them.
 * - `decisions`: the decisions with their evidence, each as a JSON text; once the link is back, until the server has stored them.
 */
export const EDGE_RULE_KEY = 'edge_rule';

/** The delivery of the command. A device that is offline for longer than its `ttl` gets the rule again at the next check. */
export const EDGE_DELIVERY = {
  lane: EDGE_RULE_KEY,
  policy: 'latest',
  ttl: '7d',
  timeout: '1m',
  attempts: DEFAULT_ATTEMPTS,
} as const;

export const EDGE_BOUNDS = {
  /** Decisions that a device keeps until they are reported, and that the server keeps per device; the oldest are dropped. */
  maxDecisions: 100,
  /** Decisions in one reading, and the length of each, characters. */
  maxReported: 8,
  maxDecisionLength: 1000,
} as const;

const time = z.int().min(0);

/** The rule state, as `RuleState` in the evaluation package. */
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

/** One edge decision. Times are milliseconds on the server's clock as estimated by the device. */
export const edgeDecisionSchema = z.object({
  /** Increases with every decision of the device; about the time of the decision. */
  id: z.int().min(1),
  rule: identitySchema,
  version: z.int().min(1),
  /** Whether the action is `then` (true) or `else`. */
  raise: z.boolean(),
  reason: z.enum(['change', 'every', 'reassert', 'run_over', 'first']),
  action: actionSchema.optional(),
  /** The outcome of the action; absent while it is open. */
  status: z.enum(['succeeded', 'failed', 'rejected']).optional(),
  /** `_seq` of the evaluated reading. */
  seq: z.int().min(0).optional(),
  now: time,
  trigger: z.enum(['reading', 'timer']),
  /** The evidence of the verdict, as with a command; absent if it was too large to report. */
  because: z
    .object({
      state: edgeStateSchema.optional(),
      reading: values,
      last: values.optional(),
      windows: z.record(z.string(), z.number()).optional(),
      value: z.number().optional(),
      ageMs: z.number(),
      /** When the last reading was taken. */
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

/** The parsed `_edge` of a reading, without invalid decisions. */
export interface EdgeReport {
  readonly rule: string;
  readonly state?: EdgeState | undefined;
  readonly decisions: readonly EdgeDecision[];
  /** All decisions that the device has dropped before it could report them. */
  readonly dropped: number;
}

/** Parses `_edge` of a reading; undefined if it is not a report. Never throws. */
export function parseEdgeReport(value: unknown): EdgeReport | undefined {
  const report = reportSchema.safeParse(value);
  if (!report.success) return undefined;
  const { decisions, ...rest } = report.data;
  return { ...rest, decisions: decisions.flatMap((text) => parseEdgeDecision(text) ?? []) };
}

/** Explains the fault in `_edge` of a reading: in the report, or in one of its decisions; undefined if it is valid. */
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

/** Parses one decision; undefined if it is not valid. Never throws. */
export function parseEdgeDecision(text: string): EdgeDecision | undefined {
  try {
    return edgeDecisionSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
