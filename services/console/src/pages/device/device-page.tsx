import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { apiPath, devicesPath } from '../../addresses/paths.js';
import { deviceQuery } from '../../api/device-queries.js';
import { Age, Time } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { NeedsScope } from '../../elements/needs-scope.js';
import { Loading, ProblemNotice } from '../../elements/notices.js';
import { PresenceMark } from '../../elements/presence.js';
import { DeviceCommands } from './device-commands.js';
import { EdgeDecisions } from './edge-decisions.js';
import { Lanes } from './lanes.js';
import { LastStatePanel } from './last-state-panel.js';
import { SendCommand } from './send-command.js';
import { SessionPanel } from './session-panel.js';
import { SettingsPanel } from './settings-panel.js';
import { TelemetryPanel } from './telemetry-panel.js';
import { useDevice } from './use-device.js';
import { WhyPanel } from './why-panel.js';
import './device.css';

/** Everything about one device. */
export default function DevicePage({ device }: { device: string }) {
  const address = useDevice(device);
  const { data, error, dataUpdatedAt } = useQuery(deviceQuery(address));
  if (data === undefined)
    return error === null ? (
      <Loading what={device} />
    ) : (
      <ProblemNotice error={error} what={`device ${device}`} />
    );
  const { presence, session } = data;
  const path = apiPath('fleets', address.fleet, 'devices', device);
  return (
    <div className="page">
      <header className="page-header">
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
      <div className="columns">
        <div className="column">
          <TelemetryPanel address={address} />
          <WhyPanel address={address} />
          <DeviceCommands address={address} />
          <EdgeDecisions address={address} />
        </div>
        <div className="column">
          <LastStatePanel device={data} />
          <NeedsScope scope="command" what="send commands">
            <SendCommand address={address} />
          </NeedsScope>
          <Lanes address={address} device={data} />
          <SessionPanel device={data} />
          <SettingsPanel address={address} device={data} key={JSON.stringify(data.settings)} />
        </div>
      </div>
    </div>
  );
}
