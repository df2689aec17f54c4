import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { rulePath } from '../../addresses/paths.js';
import type { Schemas } from '../../api/client.js';
import { edgeDecisionsQuery } from '../../api/device-queries.js';
import { Time } from '../../elements/age.js';
import { Panel } from '../../elements/panel.js';
import type { DeviceAddress } from './use-device.js';

type Decision = Schemas['EdgeDecisions']['decisions'][number];

const JUDGEMENTS: Readonly<Record<Decision['judgement'], string>> = {
  agrees: '✓ the server agrees',
  disagrees: '! the server disagrees',
  neighbours_disagreed: '! its neighbours disagreed',
  data_missing: '? data is missing',
  pending: '… not evaluated yet',
};

/** What the device decided on its own while its link was down. Hidden for devices that never made one. */
export function EdgeDecisions({ address }: { address: DeviceAddress }) {
  const { data } = useQuery(edgeDecisionsQuery(address));
  if (data === undefined || (data.decisions.length === 0 && data.dropped === 0)) return null;
  return (
    <Panel
      title="Edge decisions"
      aside={data.dropped > 0 && <span className="muted">{data.dropped} older ones are not stored</span>}
    >
      <ul className="edge-decisions">
        {data.decisions.map(({ id, at, rule, version, raised, action, judgement, sentences }) => (
          <li key={id}>
            <p>
              <Time at={at} />{' '}
              <Link href={rulePath(address.fleet, rule, `?version=${version}`)}>
                {rule}, version {version}
              </Link>{' '}
              {raised ? 'raised' : 'lowered'} {action !== undefined && <code>{JSON.stringify(action)}</code>}
            </p>
            <p className="judgement" data-judgement={judgement}>
              {JUDGEMENTS[judgement]}
            </p>
            <ul className="reasons muted">
              {sentences.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
