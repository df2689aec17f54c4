import type { Schemas } from '../api/client.js';
import { number, span, valueText } from './format.js';

/** How a rule was evaluated, clause by clause. */
export function Trace({ steps }: { steps: readonly Schemas['TraceStep'][] }) {
  return (
    <ol className="trace">
      {steps.map(({ clause, passes, text, values, missing, reason }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a clause can occur twice, and the order is fixed
        <li key={index} data-passes={passes}>
          <span className="trace-sign" aria-hidden="true">
            {passes ? '✓' : '✗'}
          </span>
          <span className="trace-clause">
            {clause} <span className="visually-hidden">{passes ? 'passes' : 'does not pass'}</span>
          </span>
          <span className="name">
            {text !== undefined && <code>{text}</code>}{' '}
            {values !== undefined &&
              Object.entries(values)
                .map(([name, value]) => `${name} = ${valueText(value)}`)
                .join(', ')}
            {missing !== undefined && missing.length > 0 && ` missing: ${missing.join(', ')}`}
            {reason !== undefined && ` ${reason.replaceAll('_', ' ')}`}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** The generated client reads tuples as arrays. */
export type TallyShown = Omit<Schemas['Tally'], 'votes'> & {
  readonly votes?: Readonly<Record<string, readonly number[]>>;
};

/** The votes of a quorum, and what they decide. */
export function Votes({ tally }: { tally: TallyShown }) {
  const {
    policy,
    outcome,
    verdict,
    expected,
    needs,
    fresh,
    stale,
    missing,
    yes,
    no,
    value,
    votes = {},
  } = tally;
  return (
    <div className="votes">
      <p>
        <strong>{outcome}</strong>
        {verdict !== undefined && `: ${verdict ? 'raise' : 'lower'}`}
        {yes !== undefined && no !== undefined && `, ${yes} yes and ${no} no`}
        {value !== undefined && `, ${policy} ${number(value)}`}
        <span className="muted">
          {' '}
          ({policy}; {fresh} fresh, {stale} stale, {missing} missing of {expected}; {needs} needed)
        </span>
      </p>
      <ul className="ballots">
        {Object.entries(votes).map(([device, [vote = 0, ageMs = 0]]) => (
          <li key={device}>
            <span className="name">{device}</span>
            <strong>{isBallot(policy) ? (vote === 1 ? 'yes' : 'no') : number(vote)}</strong>
            <span className="muted">{span(ageMs)} old</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Whether sensors vote yes or no rather than with a value. */
function isBallot(policy: string): boolean {
  return policy !== 'median' && policy !== 'trimmedMean';
}
