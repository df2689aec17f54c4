import { useQueryChanges } from '../../addresses/use-query-changes.js';
import { ApiProblem } from '../../api/problem.js';
import { MOST_DEVICES } from '../../api/queries.js';
import { Age } from '../../elements/age.js';
import { counted, number } from '../../elements/format.js';
import { Loading, ProblemNotice } from '../../elements/notices.js';
import { Panel } from '../../elements/panel.js';
import { PresenceMark } from '../../elements/presence.js';
import { PRESENCES } from '../../elements/presence-names.js';
import { useLive, useStatesVersion } from '../../live/live-context.js';
import { chosenOf, measurementsOf } from '../../live/measurements.js';
import { Attention } from './attention.js';
import { ConnectDevice } from './connect-device.js';
import { FleetMap } from './fleet-map.js';
import { NumberTiles } from './number-tiles.js';
import './overview.css';

/** The whole fleet at a glance. */
export function OverviewPage() {
  const { fleet, states, problem } = useLive();
  useStatesVersion();
  // The api knows a fleet from its first reading on.
  const isUnknown = problem instanceof ApiProblem && problem.status === 404;
  if (isUnknown || (states.listedAt !== undefined && states.devices.length === 0)) return <ConnectDevice />;
  if (states.listedAt === undefined)
    return problem === undefined ? (
      <Loading what="the fleet" />
    ) : (
      <ProblemNotice error={problem} what="the fleet" />
    );
  return (
    <div className="overview">
      <h1 className="visually-hidden">Overview of {fleet}</h1>
      <NumberTiles />
      <div className="overview-columns">
        <MapPanel />
        <Attention />
      </div>
    </div>
  );
}

function MapPanel() {
  const { states, problem } = useLive();
  const [query, change] = useQueryChanges();
  const { devices, listedAt } = states;
  const { numbers, switches } = measurementsOf(devices);
  const light = chosenOf(numbers, query.get('light'), 'light');
  const lamp = chosenOf(switches, query.get('lamp'), 'led_on');
  const counts = PRESENCES.map((presence) => ({
    presence,
    count: devices.filter((each) => each.presence === presence).length,
  }));
  const aside = (
    <span className="map-choices">
      <Choice label="Brightness" names={numbers} value={light} onChoose={(light) => change({ light })} />
      <Choice label="Lamp" names={switches} value={lamp} onChoose={(lamp) => change({ lamp })} />
    </span>
  );
  return (
    <Panel title={counted(devices.length, 'device')} aside={aside} className="map-panel">
      <FleetMap light={light} lamp={lamp} />
      <footer className="map-foot">
        <ul className="legend">
          {lamp !== undefined && (
            <li>
              <span className="legend-lamp" aria-hidden="true" /> {lamp}
            </li>
          )}
          {light !== undefined && (
            <li>
              <span className="legend-light" aria-hidden="true" /> {light}, low to high
            </li>
          )}
          {counts.map(({ presence, count }) => (
            <li key={presence}>
              <PresenceMark presence={presence} /> {number(count)}
            </li>
          ))}
        </ul>
        <p className="muted">
          {devices.length >= MOST_DEVICES && `The first ${number(MOST_DEVICES)} by name. `}
          {problem === undefined ? 'All devices read ' : `${problem.message} Last read `}
          {listedAt !== undefined && <Age at={listedAt} />}
        </p>
      </footer>
    </Panel>
  );
}

function Choice({
  label,
  names,
  value,
  onChoose,
}: {
  label: string;
  names: readonly string[];
  value: string | undefined;
  onChoose: (name: string) => void;
}) {
  if (names.length < 2) return null;
  return (
    <label>
      {label}{' '}
      <select value={value} onChange={({ target }) => onChoose(target.value)}>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
