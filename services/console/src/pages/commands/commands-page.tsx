import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { Link, useLocation } from 'wouter';
import { apiPath, commandPath, commandsPath, devicePath } from '../../addresses/paths.js';
import { filterIn, useQueryChanges } from '../../addresses/use-query-changes.js';
import type { Schemas } from '../../api/client.js';
import { type OpenCommandFilter, openCommandPages } from '../../api/command-queries.js';
import { rulesQuery } from '../../api/queries.js';
import { Age } from '../../elements/age.js';
import { CommandStateMark } from '../../elements/command-state.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { DeviceFilter, FilterSelect } from '../../elements/filters.js';
import { ListTable } from '../../elements/list-table.js';
import { Empty, Loading, ProblemNotice } from '../../elements/notices.js';
import { useLive } from '../../live/live-context.js';
import { useRefresh } from '../../live/use-refresh.js';

const STATES = ['pending', 'dispatched', 'acknowledged'] as const;
const SOURCES = ['rule', 'api', 'rollout'] as const;
const AGES = ['10s', '1m', '10m', '1h', '1d'];
const FILTERS = ['state', 'source', 'rule', 'device', 'olderThan'] as const;

/** The open commands of a fleet, oldest first. */
export default function CommandsPage() {
  const { fleet } = useLive();
  const [query, change] = useQueryChanges();
  const filter = filterIn<OpenCommandFilter>(query, FILTERS);
  const pages = openCommandPages(fleet, filter);
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(pages);
  useRefresh(({ type }) => type === 'command', pages.queryKey);
  const rules = useQuery(rulesQuery(fleet)).data?.rules ?? [];
  const commands = data?.pages.flatMap((page) => page.commands) ?? [];
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <div className="page">
      <div className="page-bar">
        <h1>Open commands</h1>
        <FilterSelect
          label="State"
          any="any open state"
          value={query.get('state')}
          options={STATES}
          onChoose={(state) => change({ state })}
        />
        <FilterSelect
          label="Source"
          any="any source"
          value={query.get('source')}
          options={SOURCES}
          onChoose={(source) => change({ source })}
        />
        <FilterSelect
          label="Rule"
          any="any rule"
          value={query.get('rule')}
          options={rules.map(({ id }) => id)}
          onChoose={(rule) => change({ rule })}
        />
        <FilterSelect
          label="Older than"
          any="any age"
          value={query.get('olderThan')}
          options={AGES}
          onChoose={(olderThan) => change({ olderThan })}
        />
        <DeviceFilter value={query.get('device')} onChange={(device) => change({ device })} />
        <CopyButton
          label="Copy as curl"
          text={() =>
            curl('GET', `${apiPath('fleets', fleet, 'commands')}?${new URLSearchParams({ ...filter })}`)
          }
        />
        <FindCommand fleet={fleet} />
      </div>
      {error !== null && <ProblemNotice error={error} what="the commands" />}
      {data === undefined && error === null && <Loading what="the commands" />}
      {data !== undefined && commands.length === 0 && (
        <Empty title={isFiltered ? 'No open command matches' : 'No command is open'}>
          <p className="muted">
            Every command has ended. The page of a device lists its last 100 commands, open and ended.
          </p>
          {isFiltered && (
            <Link className="button" href={commandsPath(fleet)}>
              Show all open commands
            </Link>
          )}
        </Empty>
      )}
      {commands.length > 0 && <CommandTable fleet={fleet} commands={commands} />}
      {hasNextPage && (
        <p className="more">
          <button
            type="button"
            className="button"
            disabled={isFetchingNextPage}
            onClick={() => void fetchNextPage()}
          >
            {isFetchingNextPage ? 'Loading more' : 'Show more'}
          </button>
        </p>
      )}
    </div>
  );
}

function CommandTable({ fleet, commands }: { fleet: string; commands: readonly Schemas['Command'][] }) {
  return (
    <ListTable
      label="Open commands"
      className="panel"
      heads={['Age', 'State', 'Device', 'Action', 'Source', 'Lane', 'Attempt']}
    >
      {commands.map(({ id, state, device, action, source, rule, lane, attempt, attempts, createdAt }) => (
        <tr key={id}>
          <td>
            <Link href={commandPath(fleet, id)} title={id}>
              <Age at={Date.parse(createdAt)} suffix="" />
            </Link>
          </td>
          <td>
            <CommandStateMark state={state} />
          </td>
          <td className="clip">
            <Link href={devicePath(fleet, device)} title={device}>
              {device}
            </Link>
          </td>
          <td className="clip">
            <code title={JSON.stringify(action)}>{JSON.stringify(action)}</code>
          </td>
          <td className="clip">{rule === undefined ? source : `rule ${rule}`}</td>
          <td className="clip">{lane}</td>
          <td>
            {attempt} of {attempts}
          </td>
        </tr>
      ))}
    </ListTable>
  );
}

/** Opens any command, open or ended, by its id. */
function FindCommand({ fleet }: { fleet: string }) {
  const [, navigate] = useLocation();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const id = String(new FormData(event.currentTarget).get('id') ?? '').trim();
    if (id !== '') navigate(commandPath(fleet, id));
  };
  return (
    <form className="find" onSubmit={submit}>
      <input
        type="search"
        name="id"
        aria-label="Command id"
        placeholder="Open a command by id"
        spellCheck={false}
      />
    </form>
  );
}
