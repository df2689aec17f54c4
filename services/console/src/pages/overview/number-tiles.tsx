import { useQuery } from '@tanstack/react-query';
import type { Schemas } from '../../api/client.js';
import { numbersQuery } from '../../api/queries.js';
import { Age } from '../../elements/age.js';
import { number, span } from '../../elements/format.js';
import { Sparkline } from '../../elements/sparkline.js';

type Numbers = Schemas['Numbers'];
type Name = Numbers['numbers'][number]['name'];

interface Tile {
  readonly title: string;
  readonly names: readonly Name[];
  readonly help: string;
  readonly text: (value: number) => string;
  readonly unit?: string;
  /** What is shown while Prometheus has no value. */
  readonly none: string;
  readonly isBad?: (value: number) => boolean;
}

/** An open command that is older than this waits unusually long, seconds. */
const OLD_S = 60;

const TILES: readonly Tile[] = [
  {
    title: 'Telemetry',
    names: ['telemetryRate'],
    help: 'Readings stored per second',
    text: number,
    unit: 'readings/s',
    none: 'none',
  },
  {
    title: 'Loop p99',
    names: ['loopP99'],
    help: 'From a reading to the PUBACK of its command, 99th percentile of a minute',
    text: (value) => span(value * 1000),
    none: 'no commands',
  },
  {
    title: 'Oldest open command',
    names: ['oldestPending'],
    help: 'Age of the oldest command that has not ended',
    text: (value) => (value === 0 ? 'none' : span(value * 1000)),
    none: 'unknown',
    isBad: (value) => value > OLD_S,
  },
  {
    title: 'Unexplained loss',
    names: ['unexplainedReadings', 'unexplainedCommands'],
    help: 'Readings and commands that the ledgers do not explain; readings in transit count until they arrive',
    text: number,
    none: 'unknown',
    isBad: (value) => value > 0,
  },
];

/** The promises of the system as numbers, over all fleets. */
export function NumberTiles() {
  const { data, error, isPending } = useQuery(numbersQuery);
  const problem = data?.problem ?? (error === null ? undefined : error.message);
  return (
    <section className="tiles" aria-label="Promise numbers, over all fleets">
      {TILES.map((tile) => (
        <NumberTile key={tile.title} tile={tile} numbers={data} isPending={isPending} />
      ))}
      <AlertTile numbers={data} />
      {problem !== undefined && (
        <p className="tiles-note" role="status">
          {problem}
        </p>
      )}
    </section>
  );
}

function NumberTile({
  tile,
  numbers,
  isPending,
}: {
  tile: Tile;
  numbers: Numbers | undefined;
  isPending: boolean;
}) {
  const series = tile.names.map((name) => numbers?.numbers.find((each) => each.name === name)?.values ?? []);
  const values = (series[0] ?? []).map((_, index) => sumAt(series, index));
  const last = values.at(-1) ?? undefined;
  const isBad = last !== undefined && tile.isBad?.(last) === true;
  return (
    <div className="tile" data-bad={isBad} title={tile.help}>
      <h2>{tile.title}</h2>
      <p className="tile-value">
        {last === undefined ? (
          <span className="muted">{isPending ? '…' : tile.none}</span>
        ) : (
          <>
            {tile.text(last)} {tile.unit !== undefined && <small>{tile.unit}</small>}
          </>
        )}
      </p>
      <Sparkline values={values} />
      <p className="tile-foot">
        {isBad ? <strong>needs attention</strong> : '15 min'}
        {numbers !== undefined && <Age at={Date.parse(numbers.at)} />}
      </p>
    </div>
  );
}

function sumAt(series: readonly (readonly (number | null)[])[], index: number): number | null {
  const values = series.map((each) => each[index] ?? null);
  return values.some((value) => value === null)
    ? null
    : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function AlertTile({ numbers }: { numbers: Numbers | undefined }) {
  const firing = numbers?.alerts?.filter(({ state }) => state === 'firing');
  return (
    <div className="tile" data-bad={(firing?.length ?? 0) > 0}>
      <h2>Alerts</h2>
      <p className="tile-value">
        {firing === undefined ? (
          <span className="muted">unknown</span>
        ) : firing.length === 0 ? (
          'none'
        ) : (
          firing.length
        )}
      </p>
      <p className="tile-alerts">{firing?.map(({ name }) => name).join(', ')}</p>
      <p className="tile-foot">
        firing now
        {numbers !== undefined && <Age at={Date.parse(numbers.at)} />}
      </p>
    </div>
  );
}
