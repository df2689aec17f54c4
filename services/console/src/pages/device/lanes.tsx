import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { apiPath, commandPath } from '../../addresses/paths.js';
import { api, bodyOf, type Schemas } from '../../api/client.js';
import { isOpen } from '../../api/command-queries.js';
import { deviceCommandsQuery } from '../../api/device-queries.js';
import { ActionButton } from '../../elements/action-button.js';
import { curl } from '../../elements/copy.js';
import { NeedsScope } from '../../elements/needs-scope.js';
import { Panel } from '../../elements/panel.js';
import { OpenCommand } from './open-command.js';
import type { DeviceAddress } from './use-device.js';

/** The lanes that have open commands or are stopped. */
export function Lanes({ address, device }: { address: DeviceAddress; device: Schemas['DeviceDetail'] }) {
  const { data } = useQuery(deviceCommandsQuery(address));
  const open = (data?.commands ?? []).filter(({ state }) => isOpen(state));
  const stopped = new Map(device.stoppedLanes.map(({ lane, stoppedBy }) => [lane, stoppedBy]));
  const names = [...new Set([...stopped.keys(), ...open.map(({ lane }) => lane)])].sort();
  return (
    <Panel title="Lanes">
      {names.length === 0 && <p className="panel-text muted">No command is open, and no lane is stopped.</p>}
      <ul className="lanes">
        {names.map((lane) => (
          <li key={lane}>
            <h3 className="name">{lane}</h3>
            {stopped.has(lane) && (
              <StoppedLane address={address} lane={lane} stoppedBy={stopped.get(lane)!} />
            )}
            {/* Oldest first: the order in which they are dispatched. */}
            {open
              .filter((command) => command.lane === lane)
              .reverse()
              .map((command) => (
                <OpenCommand key={command.id} command={command} />
              ))}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function StoppedLane({
  address,
  lane,
  stoppedBy,
}: {
  address: DeviceAddress;
  lane: string;
  stoppedBy: string;
}) {
  const path = { fleet: address.fleet, device: address.device, lane };
  return (
    <div className="stopped">
      <p>
        Stopped: command <Link href={commandPath(address.fleet, stoppedBy)}>{stoppedBy}</Link> failed. Nothing
        is dispatched until the lane is resumed.
      </p>
      <NeedsScope scope="command">
        <ActionButton
          label="Resume"
          run={() =>
            bodyOf(api.POST('/v1/fleets/{fleet}/devices/{device}/lanes/{lane}/resume', { params: { path } }))
          }
          curl={() =>
            curl('POST', apiPath('fleets', address.fleet, 'devices', address.device, 'lanes', lane, 'resume'))
          }
        />
      </NeedsScope>
    </div>
  );
}
