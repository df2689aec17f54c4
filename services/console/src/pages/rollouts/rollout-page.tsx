import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { apiPath, commandsPath, rolloutsPath } from '../../addresses/paths.js';
import { cancelRollout, rolloutQuery } from '../../api/rollout-queries.js';
import { ActionButton } from '../../elements/action-button.js';
import { Age, Time } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { counted, number } from '../../elements/format.js';
import { NeedsScope } from '../../elements/needs-scope.js';
import { Loading, ProblemNotice } from '../../elements/notices.js';
import { Panel } from '../../elements/panel.js';
import { useLive } from '../../live/live-context.js';
import { useRefresh } from '../../live/use-refresh.js';
import { RolloutProgress } from './progress.js';
import { selectorText } from './selector-text.js';
import './rollouts.css';

const SKIPPED = {
  queue_full: 'too many open commands',
  unreachable: 'not online, with policy "now"',
  unknown_device: 'never reported',
} as const;

/** The live progress of one rollout, and its outcomes. */
export default function RolloutPage({ id }: { id: string }) {
  const { fleet } = useLive();
  const { data: rollout, error } = useQuery(rolloutQuery(id));
  useRefresh((event) => event.rollout === id, rolloutQuery(id).queryKey);
  if (rollout === undefined)
    return error === null ? (
      <Loading what="the rollout" />
    ) : (
      <ProblemNotice error={error} what="the rollout" />
    );
  const { state, action, selector, rate, abortAbove, outcomes, skipped, startedAt, endedAt } = rollout;
  const facts: readonly [string, string][] = [
    ['devices', selectorText(selector)],
    ['rate', `${counted(rate, 'device')} per second`],
    ['stops above', abortAbove === undefined ? 'never' : `${abortAbove} % failures`],
    ['policy', rollout.policy],
    ['lane', rollout.lane],
    ['TTL', rollout.ttl],
    ['attempts', String(rollout.attempts)],
  ];
  return (
    <div className="page">
      <header className="page-header">
        <div>
          <Link className="back" href={rolloutsPath(fleet)}>
            Rollouts
          </Link>
          <h1 className="name">
            <code>{JSON.stringify(action)}</code>
          </h1>
        </div>
        <ul className="facts">
          <li>
            <strong>{state}</strong>
          </li>
          <li>
            started <Age at={Date.parse(startedAt)} />
          </li>
          {endedAt !== undefined && (
            <li>
              ended <Time at={endedAt} />
            </li>
          )}
        </ul>
        <div className="actions">
          {state === 'running' && (
            <NeedsScope scope="command">
              <ActionButton
                label="Stop the rollout"
                isDanger
                run={() => cancelRollout(id)}
                curl={() => curl('DELETE', apiPath('rollouts', id))}
              />
            </NeedsScope>
          )}
          <CopyButton label="Copy progress as curl" text={() => curl('GET', apiPath('rollouts', id))} />
        </div>
      </header>
      <div className="columns">
        <div className="column">
          <Panel title={`${counted(rollout.matched, 'device')} so far`}>
            <div className="panel-text">
              <RolloutProgress rollout={rollout} />
            </div>
            <dl className="values outcomes">
              {Object.entries(outcomes).map(([outcome, count]) => (
                <div key={outcome} data-none={count === 0}>
                  <dt>{outcome}</dt>
                  <dd>{number(count)}</dd>
                </div>
              ))}
            </dl>
          </Panel>
          <Panel title="Without a command">
            <dl className="values">
              {Object.entries(SKIPPED).map(([reason, text]) => (
                <div key={reason}>
                  <dt>{text}</dt>
                  <dd>{number(skipped[reason as keyof typeof SKIPPED])}</dd>
                </div>
              ))}
            </dl>
          </Panel>
        </div>
        <div className="column">
          <Panel title="Settings">
            <dl className="values">
              {facts.map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd className="name">{value}</dd>
                </div>
              ))}
            </dl>
            <p className="panel-text">
              <Link href={commandsPath(fleet, '?source=rollout')}>Open commands of rollouts</Link>
            </p>
          </Panel>
        </div>
      </div>
    </div>
  );
}
