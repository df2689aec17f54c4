import type { Schemas } from '../../api/client.js';
import { Time } from '../../elements/age.js';
import { counted, number } from '../../elements/format.js';
import { Panel } from '../../elements/panel.js';
import { Timelines } from './timelines.js';

const SHOWN = 12;

/** What a candidate would have done with the recorded readings, next to the version in force. */
export function DiffPanel({ diff, isCurrent }: { diff: Schemas['RuleDiff']; isCurrent: boolean }) {
  const { recording, commands, devices, changedDevices, sentences, started, version } = diff;
  const counts = [
    ['same', commands.same],
    ['added', commands.added],
    ['dropped', commands.dropped],
    ['moved', commands.moved],
  ] as const;
  return (
    <Panel
      title={version === 0 ? 'Compared with no rule' : `Compared with version ${version}`}
      aside={
        recording.from !== undefined &&
        recording.to !== undefined && (
          <span className="muted">
            {counted(recording.readings, 'reading')} of {counted(recording.devices, 'device')},{' '}
            <Time at={recording.from} /> to <Time at={recording.to} />
          </span>
        )
      }
      className="diff"
    >
      {!isCurrent && (
        <p className="panel-text diff-old" role="status">
          The rule has changed since. Compare again before you save it.
        </p>
      )}
      <ul className="diff-counts">
        {counts.map(([kind, count]) => (
          <li key={kind} data-kind={kind}>
            <strong>{number(count)}</strong> {kind}
          </li>
        ))}
      </ul>
      {devices.length === 0 && recording.readings > 0 && (
        <p className="panel-text">Both rules issue the same commands.</p>
      )}
      {devices.length > 0 && recording.from !== undefined && recording.to !== undefined && (
        <Timelines
          devices={devices.slice(0, SHOWN)}
          from={Date.parse(recording.from)}
          to={Date.parse(recording.to)}
          names={[version === 0 ? 'none' : `version ${version}`, 'candidate']}
        />
      )}
      {changedDevices > SHOWN && (
        <p className="panel-text muted">and {number(changedDevices - SHOWN)} more with changes</p>
      )}
      {started !== undefined &&
        started.goesOn + started.endsInTime + started.released + started.stays > 0 && (
          <p className="panel-text">
            In progress: {started.goesOn} continue, {started.endsInTime} end in time, {started.released} are
            released, {started.stays} are discarded and leave the device as it is.
          </p>
        )}
      <details className="panel-text">
        <summary>In sentences</summary>
        <ul className="reasons">
          {sentences.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      </details>
    </Panel>
  );
}
