/** What is wrong with one field in the light of the others. */
export interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

type Fields = Readonly<Record<string, unknown>>;
const NONE: Fields = {};

/**
 * Fields of a rule that make no sense beside each other. Takes any value, also a rule with other errors, and looks only at what
 * is there.
 */
export function contradictions(document: unknown): Contradiction[] {
  const rule = fieldsOf(document);
  if (rule === undefined) return [];
  const found: Contradiction[] = [];
  const wrong = (path: string, message: string) => found.push({ path: path.split('.'), message });
  const has = (key: string) => rule[key] !== undefined;

  if (!has('when') && !has('absence')) wrong('when', 'a rule needs "when" or "absence"');
  if (has('absence'))
    for (const key of ['when', 'clear', 'quorum', 'deadband'])
      if (has(key)) wrong(key, 'has no meaning beside "absence"');
  if (has('clear') && !has('when') && !has('absence')) wrong('clear', 'has no meaning without "when"');
  if (has('clear') && rule.clear === rule.when)
    wrong('clear', 'is the same as "when": the rule would be cleared by what raises it');
  if (has('run') && !has('else')) wrong('else', '"run" needs an "else", which ends the run');
  if (has('run') && rule.mode === 'every') wrong('mode', '"run" commands only on change');
  if (has('target') && !has('quorum'))
    wrong('target', 'is only for rules with a quorum; others command the device that they judge');
  if (has('quorum') && rule.mode === 'every') wrong('mode', 'a quorum commands only on change');
  const quiet = fieldsOf(rule.quiet) ?? NONE;
  if (typeof quiet.from === 'string' && quiet.from === quiet.to)
    wrong('quiet.to', 'is the same as "from"; to silence a rule, set "enabled" to false');
  const quorum = fieldsOf(rule.quorum);
  if (quorum !== undefined) {
    if (has('deadband') && isCounting(quorum))
      wrong(
        'deadband',
        'has no meaning where votes are counted; "median" and "trimmedMean" have a value that can move',
      );
    quorumContradictions(quorum, namedSensors(rule), wrong);
  }
  return found;
}

function quorumContradictions(
  { policy, count, of, trim, lost, safe, needs, expected }: Fields,
  named: number | undefined,
  wrong: (path: string, message: string) => void,
): void {
  const measures = policy === 'median' || policy === 'trimmedMean';
  if (policy === 'atLeast' && count === undefined)
    wrong('quorum.count', 'policy "atLeast" needs to know how many');
  if (policy !== 'atLeast' && count !== undefined) wrong('quorum.count', 'is only for policy "atLeast"');
  if (measures && of === undefined) wrong('quorum.of', `policy "${policy}" needs to know of what`);
  if (!measures && of !== undefined)
    wrong(
      'quorum.of',
      'is only for policies "median" and "trimmedMean"; others count for how many "when" is true',
    );
  if (policy !== 'trimmedMean' && trim !== undefined)
    wrong('quorum.trim', 'is only for policy "trimmedMean"');
  if (lost === 'safe' && safe === undefined) wrong('quorum.safe', '"lost": "safe" needs a safe action');
  if (lost !== 'safe' && safe !== undefined) wrong('quorum.safe', 'is only for "lost": "safe"');
  if (named !== undefined && expected !== undefined && expected !== named)
    wrong('quorum.expected', `the scope names ${named} sensors, so that many are expected`);
  const sensors = named ?? expected;
  if (typeof sensors !== 'number') return;
  for (const [key, most] of Object.entries({ count, needs }))
    if (typeof most === 'number' && most > sensors)
      wrong(`quorum.${key}`, `is more than the ${sensors} sensors that there are`);
}

/** Whether the sensors are counted; the other policies measure. */
function isCounting({ policy }: Fields): boolean {
  return typeof policy === 'string' && ['any', 'all', 'majority', 'atLeast'].includes(policy);
}

/** How many devices a scope names; undefined if it has prefixes or takes in all. */
function namedSensors(rule: Fields): number | undefined {
  const devices = fieldsOf(rule.scope)?.devices;
  if (!Array.isArray(devices)) return undefined;
  const names: unknown[] = devices;
  if (names.some((name) => typeof name !== 'string' || name.endsWith('*'))) return undefined;
  return new Set(names).size;
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
