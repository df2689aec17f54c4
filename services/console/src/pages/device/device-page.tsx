import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { devicesPath } from '../../addresses/paths.js';
import { deviceQuery } from '../../api/device-queries.js';
import { Age, Time } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { Loading, ProblemNotice } from '../../elements/notices.js';
import { PresenceMark } from '../../elements/presence.js';
import { DeviceCommands } from './device-commands.js';
import { Lanes } from './lanes.js';
import { LastStatePanel } from './last-state-panel.js';
import { SendCommand } from './send-command.js';
import { TelemetryPanel } from './telemetry-panel.js';
import { useDeviceEvents } from './use-device.js';
import { WhyPanel } from './why-panel.js';
import './device.css';

/** Everything about one device. */
export default function DevicePage({ device }: { device: string }) {
  const address = useDeviceEvents(device);
  const { data, error, dataUpdatedAt } = useQuery(deviceQuery(address));
  if (data === undefined)
    return error === null ? (
      <Loading what={device} />
    ) : (
      <ProblemNotice error={error} what={`device ${device}`} />
    );
  const { presence, session } = data;
  const path = `/v1/fleets/${encodeURIComponent(address.fleet)}/devices/${encodeURIComponent(device)}`;
  return (
    <div className="device">
      <header className="device-header">
        <div>
          <Link className="back" href={devicesPath(address.fleet)}>
            Devices
          </Link>
          <h1 className="name">{device}</h1>
        </div>
        <ul className="facts">
          <li>
            <PresenceMark presence={presence} />
          </li>
          {session !== undefined && (
            <li>
              session {session.online ? 'since' : 'ended'} <Time at={session.since} />
            </li>
          )}
          {error !== null && (
            <li className="form-problem" role="alert">
              {error.message} Last read <Age at={dataUpdatedAt} />.
            </li>
          )}
        </ul>
        <CopyButton label="Copy as curl" text={() => curl('GET', path)} />
      </header>
      <div className="device-columns">
        <div className="device-column">
          <TelemetryPanel address={address} />
          <WhyPanel address={address} />
          <DeviceCommands address={address} />
        </div>
        <div className="device-column">
          <LastStatePanel device={data} />
          <SendCommand address={address} />
          <Lanes address={address} device={data} />
        </div>
      </div>
    </div>
  );
}
