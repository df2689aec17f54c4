import type { ScopeVariable } from './scope.js';

/** An expression in a rule document, and what it may speak of. */
export interface ExpressionPlace {
  /** JSON pointer. */
  readonly pointer: string;
  readonly text: string;
  readonly returns: 'bool' | 'number';
  readonly variables: readonly ScopeVariable[];
  /** Why it may mention no measurement; undefined if it may. */
  readonly noMeasurements?: string;
}

const JUDGES = ['last', 'window', 'device'] as const;
const VOTES = ['device'] as const;
const OF_GROUP = ['value'] as const;
const GROUP_ONLY = 'the sensors say "of", and the group is judged by its "value"';
const NO_READING = 'votes have no reading in common; write a number';

/**
 * The expressions of a rule document, also of one that has other errors.
 *
 * | where                   | without quorum            | quorum that counts votes  | median, trimmed mean |
 * |-------------------------|---------------------------|---------------------------|----------------------|
 * | `when`, `clear`         | reading, last, window, device | reading, device       | value                |
 * | `quorum.of`             |                           |                           | reading, device      |
 * | `deadband.of`           | reading, last, window, device | (refused)             | value                |
 * | `run.seconds`           | reading, last, window, device | (numbers)             | value                |
 * | `effect.expect`         | reading, last, device of the device that was commanded, in every rule |||
 */
export function expressionPlaces(document: unknown): ExpressionPlace[] {
  const quorum = at(document, 'quorum');
  const policy = at(quorum, 'policy');
  const measures = policy === 'median' || policy === 'trimmedMean';
  const judging = quorum === undefined ? JUDGES : measures ? OF_GROUP : VOTES;
  const group = measures ? { noMeasurements: GROUP_ONLY } : {};
  const running = quorum === undefined || measures ? group : { noMeasurements: NO_READING };
  const places: ExpressionPlace[] = [];
  const place = (path: readonly string[], more: Omit<ExpressionPlace, 'pointer' | 'text'>) => {
    const text = path.reduce<unknown>(at, document);
    if (typeof text === 'string') places.push({ pointer: `/${path.join('/')}`, text, ...more });
  };
  place(['when'], { returns: 'bool', variables: judging, ...group });
  place(['clear'], { returns: 'bool', variables: judging, ...group });
  if (measures) place(['quorum', 'of'], { returns: 'number', variables: VOTES });
  if (quorum === undefined || measures)
    place(['deadband', 'of'], { returns: 'number', variables: judging, ...group });
  place(['run', 'seconds'], {
    returns: 'number',
    variables: quorum === undefined || measures ? judging : [],
    ...running,
  });
  place(['effect', 'expect'], { returns: 'bool', variables: ['last', 'device'] });
  return places;
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (Reflect.get(value, key) as unknown)
    : undefined;
}
