import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import { pointerOf, schemaProblems } from '@lamplighter/contracts/schema-problem';
import type { TelemetrySchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import { duration } from '../clauses/definition/sentences.js';
import { compileExpression, ExpressionInvalid } from '../expression/expression.js';
import { contradictions } from '../rule/contradictions.js';
import { type ExpressionPlace, expressionPlaces } from '../rule/expression-places.js';
import { type Rule, ruleSchema } from '../rule/rule.js';
import { didYouMean } from '../suggest.js';
import type { WindowUse } from '../window/functions.js';
import { WINDOW_DEPTH } from '../window/reading-window.js';

/** A problem or warning and its place in a rule document: `/when: unknown name 'lihgt', did you mean 'light'?` */
export interface Finding {
  /** JSON pointer into the document; empty for the whole. */
  readonly pointer: string;
  readonly detail: string;
}

export interface Validated {
  /** With defaults filled in; undefined if there is a problem. */
  readonly rule?: Rule;
  /** Everything that must be fixed before the rule can be stored. */
  readonly problems: readonly Finding[];
  /** Valid, but probably mistakes. */
  readonly warnings: readonly Finding[];
}

export interface ValidateOptions {
  /** The declared measurements of the fleet's devices, if any: other names are problems. */
  readonly schema?: TelemetrySchema | undefined;
  /** Without a declaration: names in the fleet's readings; other names are warnings. Not checked if there are none. */
  readonly seenNames?: Iterable<string> | undefined;
  /** How long readings are kept at the fleet's reporting interval, milliseconds, if known. */
  readonly keptMs?: number | undefined;
}

/** Finds all problems in a rule document, which may be any value. Never throws. */
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
  // The schema skips these checks if there are other errors.
  for (const { path, message } of contradictions(document))
    problems.push({ pointer: pointerOf(path), detail: message });
  const warnings: Finding[] = [];
  const seen = schema === undefined ? new Set(seenNames) : new Set<string>();
  for (const place of expressionPlaces(document)) {
    // The schema has reported the length.
    if (place.text === '' || place.text.length > RULE_BOUNDS.maxExpressionLength) continue;
    const { pointer } = place;
    try {
      const { names, windows } = compileExpression(place.text, { ...place, schema });
      warnings.push(...tooLong(pointer, windows, keptMs));
      problems.push(...unavailable(place, names));
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

/** Windows longer than the stored readings. */
function tooLong(pointer: string, windows: readonly WindowUse[], keptMs: number | undefined): Finding[] {
  return windows
    .filter(({ ms }) => keptMs !== undefined && ms > keptMs)
    .map((window) => ({
      pointer,
      detail:
        `window.${window.fn} covers ${duration(window.ms)} of '${window.measurement}', but only about ${duration(keptMs!)} are stored: ` +
        `${WINDOW_DEPTH} readings, one every ${duration(keptMs! / WINDOW_DEPTH)}`,
    }));
}

function unavailable({ pointer, noMeasurements }: ExpressionPlace, names: readonly string[]): Finding[] {
  if (noMeasurements === undefined) return [];
  return names.map((name) => ({ pointer, detail: `'${name}' is not available here: ${noMeasurements}` }));
}

/** Probable mistakes in a valid rule. */
function doubts({ then, else: otherwise, command, when, clear, quorum }: Rule): Finding[] {
  const found: Finding[] = [];
  const lane = Object.keys(then)[0];
  if (otherwise !== undefined && command.lane === undefined && Object.keys(otherwise)[0] !== lane)
    found.push({
      pointer: '/else',
      detail: `starts with a different key than "then", so its commands do not supersede those of "then"; set "lane" in "command"`,
    });
  const measures = quorum?.of !== undefined;
  for (const [pointer, text] of [
    ['/when', when],
    ['/clear', clear],
  ] as const)
    if (measures && text !== undefined && !/\bvalue\b/.test(text))
      found.push({ pointer, detail: 'does not use "value", so the votes have no influence' });
  return found;
}

function unique(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.pointer}\n${finding.detail}`, finding])).values()];
}
