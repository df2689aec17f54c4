import { useMutation } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { apiPath } from '../../addresses/paths.js';
import type { Schemas } from '../../api/client.js';
import { dryRun, type RuleDraft } from '../../api/rule-queries.js';
import { ProblemText } from '../../elements/action-button.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { Panel } from '../../elements/panel.js';
import { Trace } from '../../elements/trace.js';
import { useLive, useStatesVersion } from '../../live/live-context.js';
import { serverNow } from '../../live/server-clock.js';

/** Names offered while typing; a fleet can have many thousands. */
const OFFERED = 200;

/** Evaluates the rule in the editor on the latest reading of a device. Nothing is sent to the device. */
export function DryRunPanel({ fleet, rule }: { fleet: string; rule: RuleDraft }) {
  const id = useId();
  const { states } = useLive();
  useStatesVersion();
  const [device, setDevice] = useState('');
  const name = device || states.devices[0]?.device || '';
  const run = useMutation({ mutationFn: (body: Schemas['DryRunRequest']) => dryRun(fleet, body) });
  const request = (): Schemas['DryRunRequest'] => {
    const state = states.get(name);
    const ageMs = Math.max(0, Math.round(serverNow() - (state?.receivedAt ?? serverNow())));
    return {
      rule,
      reading: (state?.measurements ?? {}) as Schemas['DryRunRequest']['reading'],
      ageMs,
      ...(name !== '' && { device: name }),
    };
  };
  return (
    <Panel title="Dry run">
      <div className="panel-text dry-run">
        <div className="actions">
          <label htmlFor={id}>On the latest reading of</label>
          <input
            id={id}
            type="text"
            list={`${id}-names`}
            value={device}
            placeholder={name}
            onChange={({ target }) => setDevice(target.value.trim())}
          />
          <datalist id={`${id}-names`}>
            {states.devices.slice(0, OFFERED).map((each) => (
              <option key={each.device} value={each.device} />
            ))}
          </datalist>
          <button type="button" className="button small" onClick={() => run.mutate(request())}>
            Run
          </button>
          <CopyButton
            label="Copy as curl"
            text={() => curl('POST', apiPath('fleets', fleet, 'rules', 'dry-run'), request())}
          />
        </div>
        {run.error !== null && <ProblemText error={run.error} />}
        {run.data !== undefined && (
          <div role="status" className="dry-run-result">
            <p>
              <strong>{run.data.result.replaceAll('_', ' ')}</strong>
              {run.data.action !== undefined && (
                <>
                  : would send <code>{JSON.stringify(run.data.action)}</code>
                </>
              )}
              {run.data.error !== undefined && `: ${run.data.error}`}
            </p>
            <ul className="reasons">
              {run.data.sentences.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
            <Trace steps={run.data.trace} />
          </div>
        )}
      </div>
    </Panel>
  );
}
