import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { apiPath, commandsPath, devicePath, rolloutPath, rulePath } from '../../addresses/paths.js';
import type { Schemas } from '../../api/client.js';
import { cancelCommand, commandQuery, isOpen, reasonsOf, whyQuery } from '../../api/command-queries.js';
import { ActionButton } from '../../elements/action-button.js';
import { Age, Time } from '../../elements/age.js';
import { CommandStateMark } from '../../elements/command-state.js';
import { CommandTimeline } from '../../elements/command-timeline.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { span } from '../../elements/format.js';
import { NeedsScope } from '../../elements/needs-scope.js';
import { Loading, ProblemNotice } from '../../elements/notices.js';
import { Panel } from '../../elements/panel.js';
import { useLive } from '../../live/live-context.js';
import { useRefresh } from '../../live/use-refresh.js';
import { AcknowledgementPanel, EffectPanel } from './command-results.js';
import { Evidence } from './evidence.js';
import './commands.css';

/** The whole story of one command. */
export default function CommandPage({ id }: { id: string }) {
  const { fleet } = useLive();
  const { data: command, error } = useQuery(commandQuery(id));
  const why = useQuery(whyQuery(id));
  useRefresh((event) => event.command === id, commandQuery(id).queryKey, whyQuery(id).queryKey);
  if (command === undefined)
    return error === null ? (
      <Loading what="the command" />
    ) : (
      <ProblemNotice error={error} what="the command" />
    );
  const sentences = why.data?.delivery.map(({ sentence }) => sentence);
  const reasons = why.data && reasonsOf(why.data);
  return (
    <div className="page">
      <header className="page-header">
        <div>
          <Link className="back" href={commandsPath(fleet)}>
            Commands
          </Link>
          <h1 className="name">
            <code>{JSON.stringify(command.action)}</code>
          </h1>
        </div>
        <ul className="facts">
          <li>
            <CommandStateMark state={command.state} />
          </li>
          <li>
            to <Link href={devicePath(fleet, command.device)}>{command.device}</Link>
          </li>
          <li>
            created <Age at={Date.parse(command.createdAt)} />
          </li>
        </ul>
        <div className="actions">
          {isOpen(command.state) && (
            <NeedsScope scope="command">
              <ActionButton
                label="Cancel"
                isDanger
                run={() => cancelCommand(id)}
                curl={() => curl('DELETE', apiPath('commands', id))}
              />
            </NeedsScope>
          )}
          <CopyButton label="Copy story as curl" text={() => curl('GET', apiPath('commands', id, 'why'))} />
        </div>
      </header>
      <div className="columns">
        <div className="column">
          <Panel title="Why it was issued">
            {why.error !== null && <ProblemNotice error={why.error} what="the reasons" />}
            {reasons?.length === 0 && <p className="panel-text muted">The api recorded no reasons.</p>}
            <ul className="reasons panel-text">
              {reasons?.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          </Panel>
          {why.data?.because !== undefined && <Evidence fleet={fleet} because={why.data.because} />}
        </div>
        <div className="column">
          <Panel title="Delivery">
            <div className="panel-text">
              <CommandTimeline command={command} {...(sentences !== undefined && { sentences })} />
            </div>
          </Panel>
          <AcknowledgementPanel command={command} />
          <EffectPanel effect={why.data?.effect ?? command.effect} />
          <Settings fleet={fleet} command={command} />
        </div>
      </div>
    </div>
  );
}

type Fact = readonly [name: string, value: ReactNode];
const fact = (name: string, text: string): Fact => [name, <code key={name}>{text}</code>];

function Settings({ fleet, command }: { fleet: string; command: Schemas['Command'] }) {
  const { id, source, rule, rollout, lane, seq, policy, attempt, attempts, timeoutMs, expiresAt } = command;
  const facts: readonly Fact[] = [
    ['id', <code key="id">{id}</code>],
    [
      'source',
      rule !== undefined ? (
        <Link key="rule" href={rulePath(fleet, rule)}>
          rule {rule}
        </Link>
      ) : rollout !== undefined ? (
        <Link key="rollout" href={rolloutPath(fleet, rollout)}>
          rollout {rollout}
        </Link>
      ) : (
        source
      ),
    ],
    ['lane', `${lane}, number ${seq}`],
    ['policy', policy],
    ['attempts', `${attempt} of ${attempts}`],
    ['answer within', span(timeoutMs)],
    ['expires', <Time key="expires" at={expiresAt} />],
    ...(command.key === undefined ? [] : [fact('API key', command.key)]),
    ...(command.traceparent === undefined ? [] : [fact('trace', command.traceparent)]),
  ];
  return (
    <Panel title="Settings">
      <dl className="values">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="name">{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
