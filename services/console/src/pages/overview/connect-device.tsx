import { useContext } from 'react';
import { LiveContext } from '../../live/live-context.js';

/** Shown while a fleet has no devices, or there is no fleet. */
export function ConnectDevice() {
  const fleet = useContext(LiveContext)?.fleet ?? 'demo';
  return (
    <div className="notice connect">
      <h1>No device has reported yet</h1>
      <p>
        A device appears here with its first reading, without registration. It publishes JSON to the topic{' '}
        <code>{fleet}/telemetry/&lt;device&gt;</code> at the broker:
      </p>
      <pre>
        {`mosquitto_pub -h 127.0.0.1 -u ${fleet} -P "$(cat .lamplighter/secrets/mqtt-${fleet})" \\
  -t ${fleet}/telemetry/my-lamp -m '{"light": 120}'`}
      </pre>
      <p>
        <code>npm start</code> runs 50 simulated lamps; <code>npm start -- --devices 500</code> runs more.
      </p>
    </div>
  );
}
