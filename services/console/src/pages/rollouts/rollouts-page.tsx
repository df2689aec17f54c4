import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { apiPath, newRolloutPath, rolloutPath } from '../../addresses/paths.js';
import { rolloutsQuery } from '../../api/rollout-queries.js';
import { Age } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { ListTable } from '../../elements/list-table.js';
import { NeedsScope } from '../../elements/needs-scope.js';
import { Empty, Loading, ProblemNotice } from '../../elements/notices.js';
import { useLive } from '../../live/live-context.js';
import { useRefresh } from '../../live/use-refresh.js';
import { RolloutProgress } from './progress.js';
import { selectorText } from './selector-text.js';
import './rollouts.css';

/** The rollouts of a fleet, newest first. */
export default function RolloutsPage() {
  const { fleet } = useLive();
  const { data, error } = useQuery(rolloutsQuery(fleet));
  useRefresh(({ type }) => type === 'rollout', rolloutsQuery(fleet).queryKey);
  const rollouts = data?.rollouts ?? [];
  return (
    <div className="page">
      <div className="page-bar">
        <h1>Rollouts</h1>
        <CopyButton label="Copy as curl" text={() => curl('GET', apiPath('fleets', fleet, 'rollouts'))} />
        <NeedsScope scope="command">
          <Link className="button primary" href={newRolloutPath(fleet)}>
            New rollout
          </Link>
        </NeedsScope>
      </div>
      {error !== null && <ProblemNotice error={error} what="the rollouts" />}
      {data === undefined && error === null && <Loading what="the rollouts" />}
      {data !== undefined && rollouts.length === 0 && (
        <Empty title="No rollout yet">
          <p className="muted">
            A rollout sends the same command to many devices, at a rate that you choose.
          </p>
        </Empty>
      )}
      {rollouts.length > 0 && (
        <ListTable
          label="Rollouts"
          className="panel"
          heads={['Started', 'State', 'Action', 'Devices', 'Progress']}
        >
          {rollouts.map((rollout) => (
            <tr key={rollout.id}>
              <td>
                <Link href={rolloutPath(fleet, rollout.id)} title={rollout.id}>
                  <Age at={Date.parse(rollout.startedAt)} />
                </Link>
              </td>
              <td>{rollout.state}</td>
              <td className="clip">
                <code title={JSON.stringify(rollout.action)}>{JSON.stringify(rollout.action)}</code>
              </td>
              <td className="clip" title={selectorText(rollout.selector)}>
                {selectorText(rollout.selector)}
              </td>
              <td className="wide">
                <RolloutProgress rollout={rollout} />
              </td>
            </tr>
          ))}
        </ListTable>
      )}
    </div>
  );
}
