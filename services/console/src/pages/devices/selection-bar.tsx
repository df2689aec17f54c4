import { useLocation } from 'wouter';
import { newRolloutPath } from '../../addresses/paths.js';
import { useMay } from '../../api/rights.js';
import { number } from '../../elements/format.js';
import type { DeviceState } from '../../live/fleet-states.js';

/** A selector names at most this many devices. */
const MOST_NAMED = 1000;
/** Longer lists of names are handed over in the history entry, since some servers and proxies limit addresses. */
const LONGEST_QUERY = 1500;

/** Starts a rollout with the selected devices, or with the filter of the table. */
export function SelectionBar({
  fleet,
  selected,
  shown,
  filter,
  onSelect,
}: {
  fleet: string;
  selected: ReadonlySet<string>;
  shown: readonly DeviceState[];
  filter: { presence: string | null; when: string; search: string };
  onSelect: (selected: ReadonlySet<string>) => void;
}) {
  const [, navigate] = useLocation();
  const mayCommand = useMay('command');
  if (!mayCommand) return null;
  const start = (names: readonly string[]) => {
    const query = `?devices=${names.map(encodeURIComponent).join(',')}`;
    if (query.length <= LONGEST_QUERY) navigate(newRolloutPath(fleet, query));
    else navigate(newRolloutPath(fleet), { state: { devices: names } });
  };
  const startFiltered = () => {
    const query = new URLSearchParams({
      ...(filter.presence !== null && { presence: filter.presence }),
      ...(filter.when !== '' && { when: filter.when }),
    });
    navigate(newRolloutPath(fleet, `?${query}`));
  };
  const isBySelector = filter.search === '' && (filter.presence !== null || filter.when !== '');
  const names = shown.slice(0, MOST_NAMED).map(({ device }) => device);
  return (
    <div className="selection-bar">
      <button
        type="button"
        className="button small"
        disabled={selected.size === 0 || selected.size > MOST_NAMED}
        onClick={() => start([...selected].sort())}
      >
        Start a rollout with {number(selected.size)} selected
      </button>
      <button type="button" className="button small" onClick={() => onSelect(new Set(names))}>
        Select{' '}
        {shown.length > MOST_NAMED ? `the first ${number(MOST_NAMED)}` : `all ${number(names.length)} shown`}
      </button>
      {selected.size > 0 && (
        <button type="button" className="button small" onClick={() => onSelect(new Set())}>
          Clear
        </button>
      )}
      {isBySelector && (
        <button type="button" className="button small" onClick={startFiltered}>
          Start a rollout with this filter
        </button>
      )}
    </div>
  );
}
