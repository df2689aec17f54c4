import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { apiPath, newRulePath, rulePath } from '../../addresses/paths.js';
import type { Schemas } from '../../api/client.js';
import { rulesQuery } from '../../api/queries.js';
import { ruleStatesQuery } from '../../api/rule-queries.js';
import { Age } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { number } from '../../elements/format.js';
import { ListTable } from '../../elements/list-table.js';
import { NeedsScope } from '../../elements/needs-scope.js';
import { Empty, Loading, ProblemNotice } from '../../elements/notices.js';
import { useLive } from '../../live/live-context.js';
import { useRefresh } from '../../live/use-refresh.js';
import './rules.css';

/** All rules of a fleet, with the devices on which they are raised and their errors. */
export default function RulesPage() {
  const { fleet } = useLive();
  const { data, error } = useQuery(rulesQuery(fleet));
  const states = useQuery(ruleStatesQuery(fleet)).data?.rules ?? [];
  useRefresh(({ type }) => type === 'rule', rulesQuery(fleet).queryKey);
  const rules = data?.rules ?? [];
  return (
    <div className="page">
      <div className="page-bar">
        <h1>Rules</h1>
        <CopyButton label="Copy as curl" text={() => curl('GET', apiPath('fleets', fleet, 'rules'))} />
        <NeedsScope scope="rules">
          <Link className="button primary" href={newRulePath(fleet)}>
            New rule
          </Link>
        </NeedsScope>
      </div>
      {error !== null && <ProblemNotice error={error} what="the rules" />}
      {data === undefined && error === null && <Loading what="the rules" />}
      {data !== undefined && rules.length === 0 && (
        <Empty title="The fleet has no rules">
          <p className="muted">
            Nothing acts on its telemetry. A rule says which command follows from a reading.
          </p>
        </Empty>
      )}
      {rules.length > 0 && (
        <ListTable
          label="Rules"
          className="panel"
          heads={['Rule', 'State', 'Raised on', 'When', 'Version', 'Last error']}
        >
          {rules.map((rule) => (
            <RuleRow
              key={rule.id}
              fleet={fleet}
              rule={rule}
              states={states.find((each) => each.rule === rule.id)}
            />
          ))}
        </ListTable>
      )}
    </div>
  );
}

type States = Pick<Schemas['RuleStates']['rules'][number], 'raised' | 'lowered' | 'undecided'>;

function RuleRow({
  fleet,
  rule,
  states,
}: {
  fleet: string;
  rule: Schemas['Rule'];
  states: States | undefined;
}) {
  const { id, version, changedAt, enabled, lastError, rule: document } = rule;
  return (
    <tr>
      <td className="clip">
        <Link href={rulePath(fleet, id)} title={document?.description ?? id}>
          {id}
        </Link>
      </td>
      <td>{enabled ? 'enabled' : <span className="muted">disabled</span>}</td>
      <td>
        {states === undefined ? (
          <span className="muted">–</span>
        ) : (
          <RaisedShare states={states} isQuorum={document?.quorum !== undefined} />
        )}
      </td>
      <td className="clip">
        <code title={document?.when}>
          {document?.when ?? (document?.absence === undefined ? '–' : `silent for ${document.absence.after}`)}
        </code>
      </td>
      <td>
        {version} {changedAt !== undefined && <Age at={Date.parse(changedAt)} />}
      </td>
      <td className="clip">
        {lastError === undefined ? (
          <span className="muted">none</span>
        ) : (
          <span className="rule-error" title={lastError.message}>
            ! {number(lastError.count)} × {lastError.message}
          </span>
        )}
      </td>
    </tr>
  );
}

/** How many of the devices are raised, as a number and a bar. */
export function RaisedShare({
  states: { raised, lowered, undecided },
  isQuorum,
}: {
  states: States;
  isQuorum: boolean;
}) {
  if (isQuorum) return raised === 1 ? 'its group' : lowered === 1 ? 'not raised' : 'undecided';
  const all = raised + lowered + undecided;
  return (
    <span className="raised-share">
      {number(raised)} of {number(all)}
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="6" />
        <rect className="raised-bar" width={all === 0 ? 0 : (raised / all) * 100} height="6" />
      </svg>
      {undecided > 0 && <span className="muted">{number(undecided)} undecided</span>}
    </span>
  );
}
