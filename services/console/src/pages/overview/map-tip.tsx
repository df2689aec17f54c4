import { Age } from '../../elements/age.js';
import { counted, valueText } from '../../elements/format.js';
import { PresenceMark } from '../../elements/presence.js';
import type { DeviceState } from '../../live/fleet-states.js';

const MOST_VALUES = 8;
const WIDTH = 220;

/** What is known about the device under the pointer, next to its cell. */
export function MapTip({
  state,
  cell,
}: {
  state: DeviceState;
  cell: { readonly left: number; readonly top: number; readonly pitch: number; readonly width: number };
}) {
  const left = Math.max(0, Math.min(cell.left + cell.pitch + 6, cell.width - WIDTH));
  const values = Object.entries(state.measurements);
  return (
    <div className="tip" aria-hidden="true" style={{ left, top: cell.top + cell.pitch + 6, width: WIDTH }}>
      <strong className="name">{state.device}</strong>
      <p>
        <PresenceMark presence={state.presence} />
        {state.receivedAt !== undefined && <Age at={state.receivedAt} />}
      </p>
      <dl>
        {values.slice(0, MOST_VALUES).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{valueText(value)}</dd>
          </div>
        ))}
      </dl>
      {values.length > MOST_VALUES && <p className="muted">and {values.length - MOST_VALUES} more</p>}
      {state.pendingCommands > 0 && <p>{counted(state.pendingCommands, 'open command')}</p>}
    </div>
  );
}
