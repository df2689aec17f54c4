import { useMemo, useState } from 'react';
import { useQueryChanges } from '../../addresses/use-query-changes.js';
import { FilterSelect } from '../../elements/filters.js';
import { counted, number } from '../../elements/format.js';
import { Empty, Loading, ProblemNotice } from '../../elements/notices.js';
import { PRESENCES } from '../../elements/presence-names.js';
import { useLive, useStatesVersion } from '../../live/live-context.js';
import { measurementsOf } from '../../live/measurements.js';
import { ConnectDevice } from '../overview/connect-device.js';
import { ColumnChoice } from './column-choice.js';
import { ConditionField, useCondition } from './condition-field.js';
import { readTableQuery, rowsOf } from './device-rows.js';
import { DeviceTable } from './device-table.js';
import { SelectionBar } from './selection-bar.js';
import './devices.css';

/** Columns that are shown unless the address names others. */
const USUAL_COLUMNS = 4;

/** All devices of a fleet as a table. */
export default function DevicesPage() {
  const { fleet, states, problem } = useLive();
  const version = useStatesVersion();
  const [query, change] = useQueryChanges();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const when = query.get('when') ?? '';
  const condition = useCondition(fleet, when);
  const table = readTableQuery(query);
  const { devices, listedAt } = states;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for the devices, and the text for the query
  const rows = useMemo(
    () => rowsOf(devices, table).filter(({ device }) => condition.matching?.has(device) ?? true),
    [version, query.toString(), condition.matching],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: new measurements appear with a new list only
  const { all } = useMemo(() => measurementsOf(devices), [listedAt]);
  const columns = columnsOf(query, all);

  if (listedAt === undefined)
    return problem === undefined ? (
      <Loading what="the devices" />
    ) : (
      <ProblemNotice error={problem} what="the devices" />
    );
  if (devices.length === 0) return <ConnectDevice />;
  return (
    <div className="devices">
      <div className="page-bar">
        <h1>Devices</h1>
        <input
          type="search"
          aria-label="Search names and values"
          placeholder="Search names and values"
          value={table.search}
          onChange={({ target }) => change({ q: target.value })}
        />
        <FilterSelect
          label="Presence"
          any="any presence"
          value={table.presence}
          options={PRESENCES}
          onChoose={(presence) => change({ presence })}
        />
        <ConditionField
          value={when}
          problem={condition.problem}
          onChange={(next) => change({ when: next })}
        />
        <ColumnChoice
          all={all}
          chosen={columns}
          onChoose={(names) => change({ columns: names.map(encodeURIComponent).join(',') })}
        />
        <p className="muted" role="status">
          {rows.length === devices.length
            ? counted(devices.length, 'device')
            : `${number(rows.length)} of ${counted(devices.length, 'device')}`}
          {problem !== undefined && `. ${problem.message}`}
        </p>
      </div>
      <SelectionBar
        fleet={fleet}
        selected={selected}
        shown={rows}
        filter={{ presence: table.presence, when, search: table.search }}
        onSelect={setSelected}
      />
      {rows.length === 0 ? (
        <Empty title="No device matches">
          <button
            type="button"
            className="button"
            onClick={() => change({ q: undefined, presence: undefined, when: undefined })}
          >
            Show all devices
          </button>
        </Empty>
      ) : (
        <DeviceTable
          selected={selected}
          onSelect={setSelected}
          fleet={fleet}
          rows={rows}
          columns={columns}
          sort={table.sort}
          isDescending={table.isDescending}
          onSort={(sort, isDescending) => change({ sort, order: isDescending ? 'desc' : undefined })}
        />
      )}
    </div>
  );
}

function columnsOf(query: URLSearchParams, all: readonly string[]): readonly string[] {
  const named = query.get('columns')?.split(',').map(decodeURIComponent);
  return named?.filter((name) => all.includes(name)) ?? all.slice(0, USUAL_COLUMNS);
}
