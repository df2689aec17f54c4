import { useQuery } from '@tanstack/react-query';
import { apiPath } from '../../addresses/paths.js';
import { useQueryChanges } from '../../addresses/use-query-changes.js';
import type { Schemas } from '../../api/client.js';
import { whyNotQuery } from '../../api/device-queries.js';
import { rulesQuery } from '../../api/queries.js';
import { Age } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { ProblemNotice } from '../../elements/notices.js';
import { Panel } from '../../elements/panel.js';
import type { DeviceAddress } from './use-device.js';

const HEADLINES: Readonly<Record<Schemas['WhyNot']['outcome'], string>> = {
  raised: 'raised',
  lowered: 'lowered',
  undecided: 'undecided',
  disabled: 'disabled',
  rules_off: 'off, like all rules of the fleet',
  out_of_scope: 'not for this device',
  unreadable: 'unreadable',
};

/** Why a rule is raised on the device, or why not, in the api's sentences. */
export function WhyPanel({ address }: { address: DeviceAddress }) {
  const { data, error } = useQuery(rulesQuery(address.fleet));
  const [query, change] = useQueryChanges();
  const rules = data?.rules ?? [];
  const rule = rules.find(({ id }) => id === query.get('rule')) ?? rules[0];
  const choice = rules.length > 1 && (
    <select aria-label="Rule" value={rule?.id} onChange={({ target }) => change({ rule: target.value })}>
      {rules.map(({ id }) => (
        <option key={id}>{id}</option>
      ))}
    </select>
  );
  return (
    <Panel title="Why is it on? Why not?" aside={choice}>
      {error !== null && <ProblemNotice error={error} what="the rules" />}
      {data !== undefined && rule === undefined && (
        <p className="panel-text muted">The fleet has no rules, so nothing acts on its telemetry.</p>
      )}
      {rule !== undefined && <Verdict address={address} rule={rule.id} key={rule.id} />}
    </Panel>
  );
}

function Verdict({ address, rule }: { address: DeviceAddress; rule: string }) {
  const { data, error, dataUpdatedAt } = useQuery(whyNotQuery(address, rule));
  if (data === undefined)
    return error === null ? (
      <p className="panel-text muted">Asking the api</p>
    ) : (
      <ProblemNotice error={error} what={`rule ${rule}`} />
    );
  const { fleet, device } = address;
  const path = `${apiPath('fleets', fleet, 'devices', device, 'why-not')}?rule=${encodeURIComponent(rule)}`;
  return (
    <div className="why">
      <p className="why-headline" data-outcome={data.outcome}>
        <strong className="name">{rule}</strong> is {HEADLINES[data.outcome]}
        {data.since !== undefined && (
          <>
            {' '}
            since <Age at={Date.parse(data.since)} suffix="" />
          </>
        )}
      </p>
      <ul>
        {data.sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <p className="why-foot">
        <span className="muted">
          version {data.version}, asked <Age at={dataUpdatedAt} />
        </span>
        <CopyButton label="Copy as curl" text={() => curl('GET', path)} />
      </p>
    </div>
  );
}
