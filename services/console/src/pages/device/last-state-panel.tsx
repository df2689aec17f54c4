import type { Schemas } from '../../api/client.js';
import { Age } from '../../elements/age.js';
import { Panel } from '../../elements/panel.js';
import { useUnits } from '../../elements/units.js';
import { useLive, useStatesVersion } from '../../live/live-context.js';

/** The last state, live, and what the api notes about the readings of the device. */
export function LastStatePanel({ device }: { device: Schemas['DeviceDetail'] }) {
  const { fleet, states } = useLive();
  const { text } = useUnits(fleet);
  useStatesVersion();
  const live = states.get(device.device);
  const read = device.last;
  const receivedAt = Math.max(live?.receivedAt ?? 0, read === undefined ? 0 : Date.parse(read.receivedAt));
  const isLiveNewer = live?.receivedAt !== undefined && live.receivedAt === receivedAt;
  const measurements = Object.entries(isLiveNewer ? live.measurements : (read?.measurements ?? {}));
  const { order } = device;
  return (
    <Panel title="Last state" aside={receivedAt > 0 && <Age at={receivedAt} />}>
      {measurements.length === 0 && <p className="panel-text muted">The device has never reported.</p>}
      <dl className="values">
        {measurements.map(([name, value]) => (
          <div key={name}>
            <dt className="name">{name}</dt>
            <dd className="name">{text(name, value)}</dd>
          </div>
        ))}
      </dl>
      {order.sentences.length > 0 && (
        <div className="panel-text muted">
          {order.sentences.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </div>
      )}
    </Panel>
  );
}
