import { Link } from 'wouter';
import { commandPath, rulePath } from '../../addresses/paths.js';
import type { Schemas } from '../../api/client.js';
import { Time } from '../../elements/age.js';
import { span } from '../../elements/format.js';
import { Panel } from '../../elements/panel.js';

/** The session of a device with its broker, and the last measured effect of each rule. */
export function SessionPanel({
  device: { fleet, session, lesson, effects },
}: {
  device: Schemas['DeviceDetail'];
}) {
  return (
    <Panel title="Session and effects">
      {session === undefined ? (
        <p className="panel-text muted">
          The device has never announced itself{lesson && ', as devices of the lesson do not'}, so it gets
          commands without an id and does not acknowledge them.
        </p>
      ) : (
        <dl className="values">
          <div>
            <dt>session</dt>
            <dd className="name">{session.id}</dd>
          </div>
          <div>
            <dt>{session.online ? 'connected since' : 'ended'}</dt>
            <dd>
              <Time at={session.since} />
            </dd>
          </div>
          <div>
            <dt>telemetry</dt>
            <dd>{session.telemetry === 'keep' ? 'every reading' : 'the latest reading'}</dd>
          </div>
          {session.sleepsMs !== undefined && (
            <div>
              <dt>sleeps up to</dt>
              <dd>{span(session.sleepsMs)}</dd>
            </div>
          )}
        </dl>
      )}
      {effects.length > 0 && (
        <ul className="effects">
          {effects.map(({ rule, outcome, at, command }) => (
            <li key={rule}>
              <Link href={rulePath(fleet, rule)}>{rule}</Link>:{' '}
              <Link href={commandPath(fleet, command)}>
                {outcome === 'effective' ? '✓ effective' : '! ineffective'}
              </Link>
              , <Time at={at} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
