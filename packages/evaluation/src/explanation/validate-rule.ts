import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import { pointerOf, schemaProblems } from '@lamplighter/contracts/schema-problem';
import type { TelemetrySchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import { duration } from '../clauses/sentences.js';
import { compileExpression, ExpressionInvalid, type WindowUse } from '../expression/expression.js';
import { contradictions } from '../rule/contradictions.js';
import { type ExpressionPlace, expressionPlaces } from '../rule/expression-places.js';
import { type Rule, ruleSchema } from '../rule/rule.js';
import { HISTORY_DEPTH } from '../rule/window.js';
import { didYouMean } from '../suggest.js';

/** One thing to say of a rule document, and where: `/when: unknown name 'lihgt', did you mean 'light'?` */
export interface Finding {
  /** JSON pointer into the document; empty for the whole. */
  readonly pointer: string;
  readonly detail: string;
}

export interface Validated {
  /** With defaults filled in; undefined if there is a problem. */
  readonly rule?: Rule;
  /** All that must be mended before the rule can be judged. */
  readonly problems: readonly Finding[];
  /** What is allowed and probably wrong. */
  readonly warnings: readonly Finding[];
}

export interface ValidateOptions {
  /** What the fleet's devices measure, if it is declared: other names are problems. */
  readonly schema?: TelemetrySchema | undefined;
  /** Without a declaration: names that the fleet's readings have had; others are warnings. Nothing is said if there are none. */
  readonly seenNames?: Iterable<string> | undefined;
  /** For how long the readings of a device are kept at the interval at which the fleet reports, milliseconds, if that is known. */
  readonly keptMs?: number | undefined;
}

/** Checks a rule document, whatever it is, and finds all problems at once. Never throws. */
export function validateRule(
  document: unknown,
  { schema, seenNames, keptMs }: ValidateOptions = {},
): Validated {
  const parsed = ruleSchema.safeParse(document);
  const problems: Finding[] = parsed.success
    ? []
    : schemaProblems(ruleSchema, document).map(({ path, message, known }) => ({
        pointer: pointerOf(path),
        detail: known === undefined ? message : message + didYouMean(String(path.at(-1)), known),
      }));
  // The schema stops at errors of form; what the document means is checked in any case.
  for (const { path, message } of contradictions(document))
    problems.push({ pointer: pointerOf(path), detail: message });
  const warnings: Finding[] = [];
  const seen = schema === undefined ? new Set(seenNames) : new Set<string>();
  for (const place of expressionPlaces(document)) {
    // The schema has said so.
    if (place.text === '' || place.text.length > RULE_BOUNDS.maxExpressionLength) continue;
    const { pointer } = place;
    try {
      const { names, windows } = compileExpression(place.text, { ...place, schema });
      warnings.push(...tooLong(pointer, windows, keptMs));
      problems.push(...misplaced(place, names));
      for (const name of seen.size === 0 ? [] : names)
        if (!seen.has(name))
          warnings.push({ pointer, detail: `no reading has had '${name}' yet${didYouMean(name, seen)}` });
    } catch (error) {
      if (!(error instanceof ExpressionInvalid)) throw error;
      problems.push({ pointer, detail: error.message });
    }
  }
  if (problems.length === 0 && parsed.success) {
    warnings.push(...doubts(parsed.data));
    return { rule: parsed.data, problems, warnings };
  }
  return { problems: unique(problems), warnings };
}

/** Windows that ask for more than is kept: they see only the last part of it. */
function tooLong(pointer: string, windows: readonly WindowUse[], keptMs: number | undefined): Finding[] {
  return windows
    .filter(({ ms }) => keptMs !== undefined && ms > keptMs)
    .map((window) => ({
      pointer,
      detail:
        `window.${window.fn} asks for ${duration(window.ms)} of '${window.measurement}', but about ${duration(keptMs!)} are kept: ` +
        `${HISTORY_DEPTH} readings, one every ${duration(keptMs! / HISTORY_DEPTH)}`,
    }));
}

function misplaced({ pointer, noMeasurements }: ExpressionPlace, names: readonly string[]): Finding[] {
  if (noMeasurements === undefined) return [];
  return names.map((name) => ({ pointer, detail: `'${name}' is not available here: ${noMeasurements}` }));
}

/** What a valid rule does, and its author hardly meant. */
function doubts({ then, else: otherwise, command, when, clear, quorum }: Rule): Finding[] {
  const found: Finding[] = [];
  const lane = Object.keys(then)[0];
  if (otherwise !== undefined && command.lane === undefined && Object.keys(otherwise)[0] !== lane)
    found.push({
      pointer: '/else',
      detail: `begins with another key than "then", so its commands do not supersede those; name a lane in "command"`,
    });
  const measures = quorum?.of !== undefined;
  for (const [pointer, text] of [
    ['/when', when],
    ['/clear', clear],
  ] as const)
    if (measures && text !== undefined && !/\bvalue\b/.test(text))
      found.push({ pointer, detail: 'does not ask for "value", so the group has no say' });
  return found;
}

function unique(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.pointer}\n${finding.detail}`, finding])).values()];
}
