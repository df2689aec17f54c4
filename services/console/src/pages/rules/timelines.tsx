import type { Schemas } from '../../api/client.js';
import { clockTime } from '../../elements/format.js';

type Target = Schemas['RuleDiff']['devices'][number];

const WIDTH = 1000;
const [TOP, BOTTOM] = [16, 44];
const HEIGHT = 60;

/** Two lines per device, of the rule in force and of the candidate, with a mark for each command. Each kind has its own shape. */
export function Timelines({
  devices,
  from,
  to,
  names,
}: {
  devices: readonly Target[];
  from: number;
  to: number;
  names: readonly [present: string, candidate: string];
}) {
  const x = (at: string) => 12 + ((Date.parse(at) - from) / Math.max(1, to - from)) * (WIDTH - 24);
  return (
    <div className="timelines">
      <ul className="legend">
        <Key kind="same" text="unchanged" />
        <Key kind="added" text="added" />
        <Key kind="dropped" text="dropped" />
        <Key kind="moved" text="moved" />
      </ul>
      {devices.map((target) => (
        <figure key={target.device ?? 'group'}>
          <figcaption className="name">
            {target.device ?? 'all targets'}
            <span className="muted">
              {target.added} added, {target.dropped} dropped, {target.moved} moved
            </span>
          </figcaption>
          <div className="timeline-rows">
            <span>{names[0]}</span>
            <span>{names[1]}</span>
          </div>
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
            <path className="timeline-axis" d={`M0 ${TOP}H${WIDTH}M0 ${BOTTOM}H${WIDTH}`} />
            {target.unchanged.map(({ at, action }) => (
              <g key={at + JSON.stringify(action)} className="mark-same">
                <title>{`${clockTime(Date.parse(at))} ${JSON.stringify(action)}`}</title>
                <path d={`M${x(at)} ${TOP - 6}v12M${x(at)} ${BOTTOM - 6}v12`} />
              </g>
            ))}
            {target.changes.map((change) => (
              <Change key={change.kind + change.at + JSON.stringify(change.action)} change={change} x={x} />
            ))}
          </svg>
        </figure>
      ))}
      <p className="timeline-times muted">
        <span>{clockTime(from)}</span>
        <span>{clockTime(to)}</span>
      </p>
    </div>
  );
}

function Change({
  change: { kind, at, to, action },
  x,
}: {
  change: Schemas['CommandChange'];
  x: (at: string) => number;
}) {
  const left = x(at);
  return (
    <g className={`mark-${kind}`}>
      <title>{`${clockTime(Date.parse(at))} ${JSON.stringify(action)} ${kind}`}</title>
      {kind === 'added' && <path d={`M${left - 7} ${BOTTOM}h14M${left} ${BOTTOM - 9}v18`} />}
      {kind === 'dropped' && <path d={`m${left - 6} ${TOP - 8} 12 16m0 -16 -12 16`} />}
      {kind === 'moved' && (
        <path
          d={`M${left} ${TOP - 6}v6L${x(to ?? at)} ${BOTTOM}v6m-5 -6h10m${left - x(to ?? at) - 10} ${TOP - BOTTOM}h10`}
        />
      )}
    </g>
  );
}

function Key({ kind, text }: { kind: 'same' | 'added' | 'dropped' | 'moved'; text: string }) {
  const shapes = {
    same: 'M7 1v12',
    added: 'M1 7h12M7 1v12',
    dropped: 'm2 2 10 10m0-10-10 10',
    moved: 'M3 2v3L11 9v4',
  };
  return (
    <li>
      <svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true" className={`mark-${kind}`}>
        <path d={shapes[kind]} />
      </svg>
      {text}
    </li>
  );
}
