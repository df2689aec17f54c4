import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { apiPath, devicePath, rejectedPath } from '../../addresses/paths.js';
import { filterIn, useQueryChanges } from '../../addresses/use-query-changes.js';
import type { Schemas } from '../../api/client.js';
import { type RejectedFilter, rejectedQuery } from '../../api/queries.js';
import { Age } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { DeviceFilter, FilterSelect } from '../../elements/filters.js';
import { Empty, Loading, ProblemNotice } from '../../elements/notices.js';
import { useLive } from '../../live/live-context.js';
import './rejected.css';

type Sample = Schemas['Rejected']['rejected'][number];

const KINDS: readonly Sample['kind'][] = [
  'telemetry',
  'presence',
  'acknowledgement',
  'edge',
  'topic',
  'connection',
];
const REASONS: readonly Sample['reason'][] = [
  ...(['bad_json', 'schema', 'too_large', 'too_deep', 'binary', 'clock', 'topic', 'sub_topic'] as const),
  ...(['identity', 'unknown_device', 'unknown_command', 'takeover', 'protocol', 'type', 'inexact'] as const),
];
const SAMPLES = 200;
const FILTERS = ['kind', 'reason', 'device'] as const;

/** A sample of the input that was rejected, or accepted although suspicious. */
export default function RejectedPage() {
  const { fleet } = useLive();
  const [query, change] = useQueryChanges();
  const filter = filterIn<RejectedFilter>(query, FILTERS);
  const { data, error } = useQuery(rejectedQuery(fleet, SAMPLES, filter));
  const samples = data?.rejected ?? [];
  const isFiltered = Object.keys(filter).length > 0;
  const path = `${apiPath('rejected')}?${new URLSearchParams({ fleet, ...filter })}`;
  return (
    <div className="page">
      <div className="page-bar">
        <h1>Rejected input</h1>
        <FilterSelect
          label="Kind"
          any="any kind"
          value={query.get('kind')}
          options={KINDS}
          onChoose={(kind) => change({ kind })}
        />
        <FilterSelect
          label="Reason"
          any="any reason"
          value={query.get('reason')}
          options={REASONS}
          onChoose={(reason) => change({ reason })}
        />
        <DeviceFilter value={query.get('device')} onChange={(device) => change({ device })} />
        <CopyButton label="Copy as curl" text={() => curl('GET', path)} />
        <p className="muted">A sample, newest first; the metrics count all of it.</p>
      </div>
      {error !== null && <ProblemNotice error={error} what="the rejected input" />}
      {data === undefined && error === null && <Loading what="the rejected input" />}
      {data !== undefined && samples.length === 0 && (
        <Empty title={isFiltered ? 'No sample matches' : 'No input was rejected'}>
          <p className="muted">A message that is not valid appears here with the reason and its payload.</p>
          {isFiltered && (
            <Link className="button" href={rejectedPath(fleet)}>
              Show all samples
            </Link>
          )}
        </Empty>
      )}
      <ul className="samples">
        {samples.map((sample, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two samples can be equal, and the list is replaced as a whole
          <SampleItem key={index} fleet={fleet} sample={sample} />
        ))}
      </ul>
    </div>
  );
}

function SampleItem({ fleet, sample }: { fleet: string; sample: Sample }) {
  const { at, kind, reason, accepted, device, field, problem, topic, client, payload } = sample;
  return (
    <li className="panel sample">
      <div className="sample-head">
        <span className="sample-reason" data-accepted={accepted === true}>
          {accepted === true ? 'accepted, ' : ''}
          {reason.replaceAll('_', ' ')}
        </span>
        <span className="muted">{kind}</span>
        {device !== undefined && (
          <Link className="name" href={devicePath(fleet, device)}>
            {device}
          </Link>
        )}
        <Age at={Date.parse(at)} />
        <CopyButton label="Copy payload" text={() => payload} />
      </div>
      <p className="name">
        {problem}
        {field !== undefined && (
          <>
            {' '}
            at <code>{field}</code>
          </>
        )}
      </p>
      <pre>{payload}</pre>
      <p className="muted name">{topic ?? client}</p>
    </li>
  );
}
