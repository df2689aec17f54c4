import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { useQueryChanges } from '../../addresses/use-query-changes.js';
import { deviceCommandsQuery, readingsQuery } from '../../api/device-queries.js';
import { rulesQuery } from '../../api/queries.js';
import { Loading, ProblemNotice } from '../../elements/notices.js';
import { Panel } from '../../elements/panel.js';
import { chosenOf } from '../../live/measurements.js';
import { CommandMarks } from './command-marks.js';
import { Plot, type PlotFrame } from './plot.js';
import { plotSeries, plottable } from './plot-series.js';
import { thresholdsOf } from './thresholds.js';
import type { DeviceAddress } from './use-device.js';

/** The stored readings as a live plot. */
export function TelemetryPanel({ address }: { address: DeviceAddress }) {
  const { data, error } = useQuery(readingsQuery(address));
  const commands = useQuery(deviceCommandsQuery(address)).data?.commands ?? [];
  const rules = useQuery(rulesQuery(address.fleet)).data?.rules;
  const [query, change] = useQueryChanges();
  const [frame, setFrame] = useState<PlotFrame>();
  const { numbers, switches } = useMemo(() => plottable(data?.readings ?? []), [data]);
  const name = chosenOf(numbers, query.get('measurement'), 'light');
  const switchName = chosenOf(switches, query.get('switch'), 'led_on');
  const series = useMemo(
    () => plotSeries(data?.readings ?? [], name ?? '', switchName),
    [data, name, switchName],
  );
  const thresholds = useMemo(
    () => (name === undefined ? [] : thresholdsOf(rules ?? [], name, address.device)),
    [rules, name, address.device],
  );
  const keepFrame = useCallback(
    (next: PlotFrame) => setFrame((before) => (isSame(before, next) ? before : next)),
    [],
  );
  const choice = numbers.length > 1 && (
    <select
      aria-label="Measurement"
      value={name}
      onChange={({ target }) => change({ measurement: target.value })}
    >
      {numbers.map((each) => (
        <option key={each}>{each}</option>
      ))}
    </select>
  );
  return (
    <Panel title={name ?? 'Telemetry'} aside={choice}>
      {data === undefined && error === null && <Loading what="the readings" />}
      {error !== null && data === undefined && <ProblemNotice error={error} what="the readings" />}
      {data !== undefined && name === undefined && (
        <p className="panel-text muted">No stored reading has a number, so there is nothing to plot.</p>
      )}
      {name !== undefined && (
        <>
          <div className="plot-frame">
            <Plot name={name} series={series} thresholds={thresholds} onFrame={keepFrame} />
            {frame !== undefined && <CommandMarks frame={frame} commands={commands} />}
          </div>
          <ul className="legend plot-legend">
            {switchName !== undefined && (
              <li>
                <span className="legend-band" aria-hidden="true" /> {switchName}
              </li>
            )}
            {thresholds.length > 0 && (
              <li>
                <span className="legend-limit" aria-hidden="true" /> limit of a rule
              </li>
            )}
            <li>
              <span className="legend-mark" aria-hidden="true" /> command: point at it to see why
            </li>
          </ul>
        </>
      )}
    </Panel>
  );
}

function isSame(one: PlotFrame | undefined, other: PlotFrame): boolean {
  return (
    one !== undefined &&
    Object.entries(other).every(([name, value]) => one[name as keyof PlotFrame] === value)
  );
}
