import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import { apiPath } from '../../addresses/paths.js';
import { api, bodyOf, type Schemas } from '../../api/client.js';
import { rulesQuery } from '../../api/queries.js';
import { useMay } from '../../api/rights.js';
import { ProblemText } from '../../elements/action-button.js';
import { CommandStateMark } from '../../elements/command-state.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { span } from '../../elements/format.js';
import { Panel } from '../../elements/panel.js';
import type { DeviceAddress } from './use-device.js';

const PACES = {
  ok: 'as desired',
  too_fast: 'faster than desired',
  too_slow: 'slower than desired',
} as const;

/** The telemetry interval and the edge rule of a device. A change is a command to the device. */
export function SettingsPanel({
  address,
  device,
}: {
  address: DeviceAddress;
  device: Schemas['DeviceDetail'];
}) {
  const { telemetryInterval: interval, edgeRule } = device;
  const rules = useQuery(rulesQuery(address.fleet)).data?.rules ?? [];
  const desired = interval?.desiredMs === undefined ? '' : `${interval.desiredMs}ms`;
  return (
    <Panel title="Settings">
      <div className="panel-text">
        {interval?.measuredMs !== undefined && (
          <p>
            One reading every {span(interval.measuredMs)}
            {interval.pace !== undefined && `, ${PACES[interval.pace]}`}.
          </p>
        )}
        {interval?.adaptive !== undefined && (
          <p>
            Adaptive: {span(interval.adaptive.minMs)} to {span(interval.adaptive.maxMs)}, by the distance of{' '}
            {interval.adaptive.of} to {interval.adaptive.thresholds.join(', ')}.
          </p>
        )}
        <Setting
          address={address}
          name="telemetryInterval"
          label="Telemetry interval"
          now={desired}
          placeholder="10s; empty for the device's own"
        />
        {edgeRule !== undefined && edgeRule.confirmed !== edgeRule.rule && (
          <p className="muted">The device has not confirmed its edge rule yet.</p>
        )}
        <Setting
          address={address}
          name="edgeRule"
          label="Edge rule"
          now={edgeRule?.rule ?? ''}
          options={rules.map(({ id }) => id)}
        />
      </div>
    </Panel>
  );
}

function Setting({
  address: { fleet, device },
  name,
  label,
  now,
  placeholder,
  options,
}: {
  address: DeviceAddress;
  name: 'telemetryInterval' | 'edgeRule';
  label: string;
  now: string;
  placeholder?: string;
  options?: readonly string[];
}) {
  const id = useId();
  const [value, setValue] = useState(now);
  const isAllowed = useMay('command');
  const queries = useQueryClient();
  const body = { [name]: value.trim() === '' ? null : value.trim() };
  const save = useMutation({
    mutationFn: () =>
      bodyOf(
        api.PUT('/v1/fleets/{fleet}/devices/{device}/settings', {
          params: { path: { fleet, device } },
          body,
        }),
      ),
    onSettled: () => queries.invalidateQueries(),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className="setting" onSubmit={submit}>
      <label htmlFor={id}>{label}</label>
      {options === undefined ? (
        <input
          id={id}
          type="text"
          value={value}
          placeholder={placeholder}
          disabled={!isAllowed}
          onChange={({ target }) => setValue(target.value)}
        />
      ) : (
        <select id={id} value={value} disabled={!isAllowed} onChange={({ target }) => setValue(target.value)}>
          <option value="">none</option>
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      )}
      {isAllowed && (
        <div className="actions">
          <button className="button small" type="submit" disabled={value === now || save.isPending}>
            Set
          </button>
          <CopyButton
            label="Copy as curl"
            text={() => curl('PUT', apiPath('fleets', fleet, 'devices', device, 'settings'), body)}
          />
        </div>
      )}
      {save.data !== undefined && (
        <p role="status">
          <CommandStateMark state={save.data.state} /> when the api responded.
        </p>
      )}
      {save.error !== null && <ProblemText error={save.error} />}
    </form>
  );
}
