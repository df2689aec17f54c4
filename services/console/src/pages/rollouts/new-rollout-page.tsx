import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import { apiPath, rolloutPath, rolloutsPath } from '../../addresses/paths.js';
import type { Schemas } from '../../api/client.js';
import { startRollout } from '../../api/rollout-queries.js';
import { ProblemText } from '../../elements/action-button.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { NeedsScope } from '../../elements/needs-scope.js';
import { Panel } from '../../elements/panel.js';
import { PRESENCE_NAMES, PRESENCES } from '../../elements/presence-names.js';
import { useLive } from '../../live/live-context.js';
import { POLICIES } from '../device/command-form.js';
import { Field } from './field.js';
import { formFrom, type RolloutForm, rolloutRequestOf, selectorOf } from './rollout-form.js';
import { SelectionPreview } from './selection-preview.js';
import './rollouts.css';

/** Starts a rollout: a command, the devices, and how fast. */
export default function NewRolloutPage() {
  const { fleet } = useLive();
  const id = useId();
  const [query] = useSearchParams();
  const [, navigate] = useLocation();
  const [form, setForm] = useState(() => formFrom(query, handedOver()));
  const change = (changes: Partial<RolloutForm>) => setForm((before) => ({ ...before, ...changes }));
  const start = useMutation({
    mutationFn: (body: Schemas['RolloutRequest']) => startRollout(fleet, body),
    onSuccess: (rollout) => navigate(rolloutPath(fleet, rollout.id)),
  });
  const request = rolloutRequestOf(form);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typeof request !== 'string') start.mutate(request);
  };
  const isProblem = typeof request === 'string' && form.action.trim() !== '';
  return (
    <div className="page">
      <header className="page-header">
        <div>
          <Link className="back" href={rolloutsPath(fleet)}>
            Rollouts
          </Link>
          <h1>New rollout</h1>
        </div>
      </header>
      <NeedsScope scope="command" what="start rollouts">
        <form className="columns" onSubmit={submit} noValidate>
          <div className="column">
            <Panel title="Command">
              <div className="form">
                <label htmlFor={id}>Action</label>
                <textarea
                  id={id}
                  className="code"
                  rows={3}
                  spellCheck={false}
                  placeholder='{"led_on": true}'
                  value={form.action}
                  aria-invalid={isProblem}
                  onChange={({ target }) => change({ action: target.value })}
                />
                <p className="form-problem" role="alert">
                  {isProblem && request}
                </p>
                <div className="fields">
                  <Field
                    label="Policy"
                    options={POLICIES.map((policy) => [policy, policy])}
                    value={form.policy}
                    onChange={(policy) => change({ policy: policy as RolloutForm['policy'] })}
                  />
                  <Field
                    label="Lane"
                    placeholder="first key"
                    value={form.lane}
                    onChange={(lane) => change({ lane })}
                  />
                  <Field label="TTL" value={form.ttl} onChange={(ttl) => change({ ttl })} />
                </div>
              </div>
            </Panel>
            <Panel title="Devices">
              <div className="form">
                <Field
                  label="Names and prefixes, such as hall-*; empty for all"
                  value={form.devices}
                  placeholder="all devices"
                  isLong
                  onChange={(devices) => change({ devices })}
                />
                <div className="fields two">
                  <Field
                    label="Presence at their turn"
                    options={[['', 'any'], ...PRESENCES.map((each) => [each, PRESENCE_NAMES[each]] as const)]}
                    value={form.presence}
                    onChange={(presence) => change({ presence })}
                  />
                  <Field
                    label="Condition on the last state"
                    placeholder="light < 300"
                    value={form.when}
                    onChange={(when) => change({ when })}
                  />
                </div>
              </div>
            </Panel>
          </div>
          <div className="column">
            <SelectionPreview fleet={fleet} selector={selectorOf(form)} rate={Number(form.rate)} />
            <Panel title="Pace">
              <div className="form">
                <div className="fields two">
                  <Field label="Devices per second" value={form.rate} onChange={(rate) => change({ rate })} />
                  <Field
                    label="Stop above, % failures"
                    placeholder="never"
                    value={form.abortAbove}
                    onChange={(abortAbove) => change({ abortAbove })}
                  />
                </div>
                <div className="actions">
                  <button
                    type="submit"
                    className="button primary"
                    disabled={typeof request === 'string' || start.isPending}
                  >
                    {start.isPending ? 'Starting' : 'Start the rollout'}
                  </button>
                  {typeof request !== 'string' && (
                    <CopyButton
                      label="Copy as curl"
                      text={() => curl('POST', apiPath('fleets', fleet, 'commands'), request)}
                    />
                  )}
                </div>
                {start.error !== null && <ProblemText error={start.error} />}
              </div>
            </Panel>
          </div>
        </form>
      </NeedsScope>
    </div>
  );
}

/** The devices that the table of devices handed over in the history entry. */
function handedOver(): readonly string[] {
  const state: unknown = history.state;
  if (typeof state !== 'object' || state === null || !('devices' in state)) return [];
  return Array.isArray(state.devices) ? state.devices.filter((name) => typeof name === 'string') : [];
}
