import { useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, memo, type ReactNode, useCallback, useMemo, useRef } from 'react';
import { Link } from 'wouter';
import { devicePath } from '../../addresses/paths.js';
import { useMay } from '../../api/rights.js';
import { Age } from '../../elements/age.js';
import { valueText } from '../../elements/format.js';
import { PresenceMark } from '../../elements/presence.js';
import { useUnits } from '../../elements/units.js';
import type { DeviceState } from '../../live/fleet-states.js';
import { measurementKey } from './device-rows.js';

const ROW_HEIGHT = 36;

interface Column {
  readonly key: string;
  readonly title: string;
  readonly width: string;
  readonly isNumeric?: boolean;
  readonly cell: (state: DeviceState) => ReactNode;
}

interface TableProps {
  readonly fleet: string;
  readonly rows: readonly DeviceState[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
  /** Measurements. */
  readonly columns: readonly string[];
  readonly sort: string;
  readonly isDescending: boolean;
  readonly onSort: (key: string, isDescending: boolean) => void;
}

/** A table of any length: only the rows in view are in the document. */
export function DeviceTable({
  fleet,
  rows,
  selected,
  onSelect,
  columns,
  sort,
  isDescending,
  onSort,
}: TableProps) {
  const { unitOf } = useUnits(fleet);
  const mayCommand = useMay('command');
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    useFlushSync: false,
  });
  const named = columns.join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the names stand for the columns, so that rows stay equal while scrolling
  const all = useMemo(
    () => [...fixedColumns(fleet), ...columns.map((name) => measurementColumn(name, unitOf(name))), OPEN],
    [fleet, named, columns.map(unitOf).join()],
  );
  const template = useMemo(
    () => ({
      gridTemplateColumns: [...(mayCommand ? ['36px'] : []), ...all.map(({ width }) => width)].join(' '),
    }),
    [all, mayCommand],
  );
  const latest = useRef(selected);
  latest.current = selected;
  const toggle = useCallback(
    (device: string) => {
      const next = new Set(latest.current);
      if (!next.delete(device)) next.add(device);
      onSelect(next);
    },
    [onSelect],
  );
  return (
    <div className="table-scroller panel" ref={scroller} tabIndex={0} role="region" aria-label="Devices">
      <div className="table" role="table" aria-label="Devices" aria-rowcount={rows.length + 1}>
        <div className="table-head" role="row" aria-rowindex={1} style={template}>
          {mayCommand && (
            <div role="columnheader" className="table-cell">
              <span className="visually-hidden">Selected</span>
            </div>
          )}
          {all.map((column) => (
            <Heading
              key={column.key}
              column={column}
              sort={sort}
              isDescending={isDescending}
              onSort={onSort}
            />
          ))}
        </div>
        <div role="rowgroup" className="table-body" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const state = rows[index];
            if (state === undefined) return null;
            return (
              <Row
                key={state.device}
                state={state}
                isSelected={mayCommand ? selected.has(state.device) : undefined}
                onToggle={toggle}
                index={index}
                start={start}
                columns={all}
                template={template}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface RowProps {
  readonly state: DeviceState;
  /** Undefined if rows cannot be selected. */
  readonly isSelected: boolean | undefined;
  readonly onToggle: (device: string) => void;
  readonly index: number;
  readonly start: number;
  readonly columns: readonly Column[];
  readonly template: CSSProperties;
}

/** Renders again only if its device has changed, so that scrolling renders only the rows that come into view. */
const Row = memo(function Row({ state, isSelected, onToggle, index, start, columns, template }: RowProps) {
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className="table-row"
      style={{ ...template, transform: `translateY(${start}px)` }}
    >
      {isSelected !== undefined && (
        <div role="cell" className="table-cell">
          <input
            type="checkbox"
            aria-label={`Select ${state.device}`}
            checked={isSelected}
            onChange={() => onToggle(state.device)}
          />
        </div>
      )}
      {columns.map(({ key, isNumeric, cell }) => (
        <div key={key} role="cell" className="table-cell" data-numeric={isNumeric}>
          {cell(state)}
        </div>
      ))}
    </div>
  );
});

function Heading({
  column: { key, title, isNumeric },
  sort,
  isDescending,
  onSort,
}: { column: Column } & Pick<TableProps, 'sort' | 'isDescending' | 'onSort'>) {
  const isSorted = sort === key;
  const direction = isDescending ? 'descending' : 'ascending';
  return (
    <div
      role="columnheader"
      className="table-cell"
      data-numeric={isNumeric}
      aria-sort={isSorted ? direction : 'none'}
    >
      <button type="button" title={`Sort by ${title}`} onClick={() => onSort(key, isSorted && !isDescending)}>
        <span>{title}</span>
        <span aria-hidden="true" className="sort-mark">
          {isSorted ? (isDescending ? '▼' : '▲') : ''}
        </span>
      </button>
    </div>
  );
}

const fixedColumns = (fleet: string): readonly Column[] => [
  {
    key: 'device',
    title: 'Device',
    width: 'minmax(170px, 1.4fr)',
    cell: ({ device }) => (
      <Link href={devicePath(fleet, device)} title={device}>
        {device}
      </Link>
    ),
  },
  {
    key: 'presence',
    title: 'Presence',
    width: 'minmax(110px, 0.7fr)',
    cell: ({ presence }) => <PresenceMark presence={presence} />,
  },
  {
    key: 'age',
    title: 'Last reading',
    width: 'minmax(110px, 0.7fr)',
    cell: ({ receivedAt }) =>
      receivedAt === undefined ? <span className="muted">never</span> : <Age at={receivedAt} />,
  },
];

const OPEN: Column = {
  key: 'open',
  title: 'Open commands',
  width: 'minmax(160px, 0.6fr)',
  isNumeric: true,
  cell: ({ pendingCommands }) => (pendingCommands === 0 ? <span className="muted">0</span> : pendingCommands),
};

function measurementColumn(name: string, unit: string): Column {
  return {
    key: measurementKey(name),
    title: unit === '' ? name : `${name}, ${unit}`,
    width: 'minmax(110px, 1fr)',
    isNumeric: true,
    cell: ({ measurements }) => {
      const value = measurements[name];
      if (value === undefined) return <span className="muted">–</span>;
      const text = valueText(value);
      return typeof value === 'boolean' ? (
        <span className="switch" data-on={value}>
          {text}
        </span>
      ) : (
        <span title={text}>{text}</span>
      );
    },
  };
}
