import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { apiPath, commandPath } from '../../addresses/paths.js';
import type { Schemas } from '../../api/client.js';
import { whyQuery } from '../../api/command-queries.js';
import { deviceCommandsQuery } from '../../api/device-queries.js';
import { Age, Time } from '../../elements/age.js';
import { CommandStateMark } from '../../elements/command-state.js';
import { CommandTimeline } from '../../elements/command-timeline.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { ProblemNotice } from '../../elements/notices.js';
import { Panel } from '../../elements/panel.js';
import type { DeviceAddress } from './use-device.js';

type Command = Schemas['Command'];

const SHOWN = 20;

/** The commands of a device, newest first; each expands to its story. */
export function DeviceCommands({ address }: { address: DeviceAddress }) {
  const { data, error } = useQuery(deviceCommandsQuery(address));
  const [isAll, setAll] = useState(false);
  const commands = data?.commands ?? [];
  const shown = isAll ? commands : commands.slice(0, SHOWN);
  return (
    <Panel title="Commands" aside={<span className="muted">newest first</span>}>
      {error !== null && <ProblemNotice error={error} what="the commands" />}
      {data !== undefined && commands.length === 0 && (
        <p className="panel-text muted">The device has had no commands.</p>
      )}
      <ul className="history">
        {shown.map((command) => (
          <li key={command.id}>
            <CommandStory address={address} command={command} />
          </li>
        ))}
      </ul>
      {shown.length < commands.length && (
        <p className="panel-text">
          <button type="button" className="button small" onClick={() => setAll(true)}>
            Show all {commands.length}
          </button>
        </p>
      )}
    </Panel>
  );
}

function CommandStory({ address, command }: { address: DeviceAddress; command: Command }) {
  const [isShown, setShown] = useState(false);
  const { id, state, action, source, rule, rollout, createdAt, lane, attempt, attempts, expiresAt, answer } =
    command;
  return (
    <details onToggle={({ currentTarget }) => setShown(currentTarget.open)}>
      <summary>
        <CommandStateMark state={state} />
        <code className="action">{JSON.stringify(action)}</code>
        <span className="muted name">{rule ?? (rollout === undefined ? source : 'rollout')}</span>
        <Age at={Date.parse(createdAt)} />
      </summary>
      {isShown && (
        <div className="story">
          <CommandTimeline command={command} />
          <Reasons id={id} />
          {answer !== undefined && (
            <p>
              The device answered <code>{JSON.stringify(answer)}</code>
            </p>
          )}
          <p className="muted">
            lane <span className="name">{lane}</span>, attempt {attempt} of {attempts}, expires{' '}
            <Time at={expiresAt} />
          </p>
          <p className="actions">
            <Link href={commandPath(address.fleet, id)}>Whole story</Link>
            <code>{id}</code>
            <CopyButton label="Copy as curl" text={() => curl('GET', apiPath('commands', id, 'why'))} />
          </p>
        </div>
      )}
    </details>
  );
}

/** Why the command was issued. */
function Reasons({ id }: { id: string }) {
  const { data, error } = useQuery(whyQuery(id));
  if (error !== null) return <ProblemNotice error={error} what="the reasons" />;
  return (
    <ul className="reasons">
      {data?.sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}
