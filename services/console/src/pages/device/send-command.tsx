import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import { apiPath } from '../../addresses/paths.js';
import { api, bodyOf, type Schemas } from '../../api/client.js';
import { deviceCommandsQuery } from '../../api/device-queries.js';
import { randomKey } from '../../api/random-key.js';
import { ProblemText } from '../../elements/action-button.js';
import { CommandStateMark } from '../../elements/command-state.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { Panel } from '../../elements/panel.js';
import { type CommandForm, EMPTY_FORM, POLICIES, requestOf, understoodActions } from './command-form.js';
import type { DeviceAddress } from './use-device.js';

const WAIT = 'wait=10';

/** Sends a command, and shows what the server knows about it: the button never says that a lamp is on. */
export function SendCommand({ address }: { address: DeviceAddress }) {
  const id = useId();
  const [form, setForm] = useState(EMPTY_FORM);
  const queries = useQueryClient();
  const { data } = useQuery(deviceCommandsQuery(address));
  const path = { fleet: address.fleet, device: address.device };
  const send = useMutation({
    mutationFn: async (body: Schemas['CommandRequest']) =>
      bodyOf(
        api.POST('/v1/fleets/{fleet}/devices/{device}/commands', {
          params: {
            path,
            header: { 'Idempotency-Key': randomKey(), ...(form.isWaiting && { Prefer: WAIT }) },
          },
          body,
        }),
      ),
    onSettled: () => queries.invalidateQueries({ queryKey: deviceCommandsQuery(address).queryKey }),
  });
  const request = requestOf(form);
  const change = (changes: Partial<CommandForm>) => setForm((before) => ({ ...before, ...changes }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typeof request !== 'string') send.mutate(request);
  };
  const url = apiPath('fleets', address.fleet, 'devices', address.device, 'commands');
  const isProblem = typeof request === 'string' && form.action.trim() !== '';
  return (
    <Panel title="Send a command">
      <form className="send" onSubmit={submit} noValidate>
        <div className="chips">
          {understoodActions(data?.commands ?? []).map((action) => (
            <button key={action} type="button" className="button small" onClick={() => change({ action })}>
              <code>{action}</code>
            </button>
          ))}
        </div>
        <label htmlFor={`${id}-action`}>Action</label>
        <textarea
          id={`${id}-action`}
          className="code"
          rows={3}
          spellCheck={false}
          placeholder='{"led_on": true}'
          value={form.action}
          aria-invalid={isProblem}
          aria-describedby={`${id}-problem`}
          onChange={({ target }) => change({ action: target.value })}
        />
        <p id={`${id}-problem`} className="form-problem">
          {isProblem && request}
        </p>
        <div className="fields">
          <label>
            Policy
            <select
              value={form.policy}
              onChange={({ target }) =>
                change({ policy: POLICIES.find((each) => each === target.value) ?? 'latest' })
              }
            >
              {POLICIES.map((policy) => (
                <option key={policy}>{policy}</option>
              ))}
            </select>
          </label>
          <label>
            Lane
            <input
              type="text"
              placeholder="first key"
              value={form.lane}
              onChange={({ target }) => change({ lane: target.value })}
            />
          </label>
          <label>
            TTL
            <input type="text" value={form.ttl} onChange={({ target }) => change({ ttl: target.value })} />
          </label>
        </div>
        <label className="check">
          <input
            type="checkbox"
            checked={form.isWaiting}
            onChange={({ target }) => change({ isWaiting: target.checked })}
          />
          Wait up to 10 s for its end
        </label>
        <div className="actions">
          <button
            className="button primary"
            type="submit"
            disabled={send.isPending || typeof request === 'string'}
          >
            {send.isPending ? (form.isWaiting ? 'Waiting for the device' : 'Sending') : 'Send'}
          </button>
          {typeof request !== 'string' && (
            <CopyButton
              label="Copy as curl"
              text={() => curl('POST', url, request, form.isWaiting ? { Prefer: WAIT } : {})}
            />
          )}
        </div>
        <div role="status">
          {send.data !== undefined && (
            <p>
              <CommandStateMark state={send.data.state} /> when the api responded. <code>{send.data.id}</code>
            </p>
          )}
          {send.data?.warnings?.map(({ detail }) => (
            <p key={detail}>{detail}</p>
          ))}
        </div>
        {send.error !== null && <ProblemText error={send.error} />}
      </form>
    </Panel>
  );
}
