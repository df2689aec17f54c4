import type { Schemas } from '../../api/client.js';
import { Time } from '../../elements/age.js';
import { span } from '../../elements/format.js';
import { Panel } from '../../elements/panel.js';

/** The acknowledgement of the device, even if it could not be read. */
export function AcknowledgementPanel({
  command: { answer, unreadAnswers = [] },
}: {
  command: Schemas['Command'];
}) {
  const hasAnswer = answer !== undefined && Object.keys(answer).length > 0;
  if (!hasAnswer && unreadAnswers.length === 0) return null;
  return (
    <Panel title="Answer of the device">
      {hasAnswer && <pre className="panel-pre">{JSON.stringify(answer, null, 2)}</pre>}
      <ul className="panel-text">
        {unreadAnswers.map(({ at, problem, payload }) => (
          <li key={at + payload} className="name">
            <Time at={at} />: {problem} <code>{payload}</code>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const OUTCOMES: Readonly<Record<Schemas['Effect']['outcome'], string>> = {
  pending: 'not yet visible in the telemetry',
  effective: '✓ visible in the telemetry',
  ineffective: '! not visible in the telemetry',
  unmeasured: 'not measured: no reading arrived in time',
};

/** Whether the telemetry showed what the command was for. */
export function EffectPanel({ effect }: { effect: Schemas['Effect'] | undefined }) {
  if (effect === undefined) return null;
  const { outcome, expect, withinMs, at, reading } = effect;
  return (
    <Panel title="Effect">
      <div className="panel-text" data-outcome={outcome}>
        <p>
          <strong>{OUTCOMES[outcome]}</strong>
          {at !== undefined && (
            <>
              {' '}
              at <Time at={at} />
            </>
          )}
        </p>
        <p>
          expected <code>{expect}</code> within {span(withinMs)}
        </p>
        {reading !== undefined && (
          <p>
            reading <code>{JSON.stringify(reading)}</code>
          </p>
        )}
      </div>
    </Panel>
  );
}
