import { type Measurement } from '@lamplighter/contracts/reading';
import { Environment } from '@marcbachmann/cel-js';

/**
 * A compiled `when`. True or false is a verdict; undefined means that the reading does not say (a name it needs is missing,
 * or has another type), so the rule neither fires nor changes its mind.
 */
export type Condition = (reading: Readonly<Record<string, Measurement | undefined>>) => boolean | undefined;

/** The text is no condition; the message says where and why. */
export class ConditionInvalid extends Error {
  override readonly name = 'ConditionInvalid';
}

// CEL (github.com/google/cel-spec) always ends and has no side effects, so rule authors need not be trusted with a program.
const environment = new Environment({
  unlistedVariablesAreDyn: true,
  limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 8 },
});

/** Compiles a CEL expression over the measurements of a reading. @throws ConditionInvalid */
export function compileCondition(text: string): Condition {
  const program = parse(text);
  const names = variables(program.ast);
  return (reading) => {
    // A reading without any of the names is common (other kinds of devices), and cheaper to see than to catch.
    if (!names.some((name) => reading[name] !== undefined)) return undefined;
    try {
      const verdict: unknown = program(reading);
      return typeof verdict === 'boolean' ? verdict : undefined;
    } catch {
      return undefined;
    }
  };
}

function parse(text: string) {
  let program: ReturnType<Environment['parse']>;
  try {
    program = environment.parse(text);
  } catch (error) {
    throw new ConditionInvalid((error as Error).message);
  }
  const { valid, type, error } = program.check();
  if (!valid) throw new ConditionInvalid(error?.message ?? 'does not type-check');
  if (type !== 'bool' && type !== 'dyn')
    throw new ConditionInvalid(`must be true or false, but is of type ${type}`);
  return program;
}

/** Names of the measurements that an expression mentions. */
function variables(ast: unknown, found = new Set<string>()): string[] {
  if (Array.isArray(ast)) for (const node of ast) variables(node, found);
  else if (typeof ast === 'object' && ast !== null) {
    const { op, args } = ast as { op?: unknown; args?: unknown };
    if (op === 'id' && typeof args === 'string') found.add(args);
    else variables(args, found);
  }
  return [...found];
}
