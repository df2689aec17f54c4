import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { apiPath, devicePath } from '../../addresses/paths.js';
import { type Selector, selectionQuery } from '../../api/selection-queries.js';
import { ProblemText } from '../../elements/action-button.js';
import { Age } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { counted, number, span } from '../../elements/format.js';
import { Panel } from '../../elements/panel.js';
import { useSettled } from '../../elements/use-settled.js';

const LISTED = 50;

/** The devices that the selector matches now, and how long the rollout takes. */
export function SelectionPreview({
  fleet,
  selector,
  rate,
}: {
  fleet: string;
  selector: Selector;
  rate: number;
}) {
  const settled = useSettled(JSON.stringify(selector));
  const { data, error, dataUpdatedAt } = useQuery(
    selectionQuery(fleet, JSON.parse(settled) as Selector, LISTED),
  );
  const body = { selector, limit: LISTED };
  return (
    <Panel
      title={
        data === undefined
          ? 'Matching devices'
          : `${counted(data.matched, 'device')} ${data.matched === 1 ? 'matches' : 'match'}`
      }
      aside={
        <CopyButton
          label="Copy as curl"
          text={() => curl('POST', apiPath('fleets', fleet, 'selection'), body)}
        />
      }
    >
      <div className="panel-text preview" role="status">
        {error !== null && <ProblemText error={error} />}
        {error === null && data !== undefined && (
          <>
            <p className="muted">
              of {number(data.evaluated)}
              {data.isCut && ', the first by name'}, <Age at={dataUpdatedAt} />
              {data.matched > 0 &&
                rate >= 1 &&
                `; takes about ${span(Math.ceil(data.matched / rate) * 1000)}`}
            </p>
            <ul>
              {data.devices.map((device) => (
                <li key={device}>
                  <Link href={devicePath(fleet, device)}>{device}</Link>
                </li>
              ))}
            </ul>
            {data.matched > data.devices.length && (
              <p className="muted">and {number(data.matched - data.devices.length)} more</p>
            )}
          </>
        )}
      </div>
    </Panel>
  );
}
