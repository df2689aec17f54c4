import { join } from 'node:path';
import { judge } from '@lamplighter/prove/oracle/judge';
import { Books } from '@lamplighter/prove/run/books';
import { buildStage, type FleetOptions, type Stage, type StageOptions } from '@lamplighter/prove/stage/stage';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';

/** A stage with a fleet on it, and its books. */
export interface Scene extends Stage {
  readonly books: Books;
  /** Opens books on the fleets that were added since; `books` are those of the beginning. */
  openBooks(): Promise<Books>;
  /** Tells how it goes; a case may take a minute. */
  say(line: string): void;
}

/** Violations that a failed case shows. */
export const SHOWN = 20;
/** Longest time in which everything must come to rest after a fault, milliseconds: devices wait up to 30 s before they return. */
export const QUIET_MS = 120_000;

/** Builds a stage, with fleets unless they are `[]`, opens the books, and looks at the API every so often (0: not before the end). */
export async function setScene({
  fleets = [{ devices: 20 }],
  lookEveryMs = 3000,
  ...options
}: Omit<StageOptions, 'folder'> & {
  fleets?: readonly FleetOptions[];
  lookEveryMs?: number;
} = {}): Promise<Scene> {
  const stage = await buildStage({ folder: join(temporaryFolder(), 'scene'), ...options });
  await Promise.all(
    fleets.map((fleet) => stage.addFleet({ ...fleet, env: { INTERVAL_MS: '500', ...fleet.env } })),
  );
  const over = new AbortController();
  closeLater('books', () => over.abort());
  const openBooks = async () => {
    const books = await Books.open(stage, over.signal);
    if (lookEveryMs > 0) books.keepLooking(lookEveryMs);
    return books;
  };
  const books = await openBooks();
  const began = performance.now();
  const say = (line: string) =>
    process.stderr.write(`    ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  return Object.assign(stage, { books, say, openBooks });
}

/** Waits until everything has come to rest, and has the oracle judge it: no reading and no command was lost, doubled or misplaced. */
export async function expectNothingLost({ books, say }: Scene): Promise<void> {
  say('mended; waiting for everything to come to rest');
  const { violations, readings, commands } = judge(await books.close({ quietMs: QUIET_MS }));
  say(
    `readings ${readings.stored} of ${readings.taken} stored, ${readings.dropped} dropped by devices; ` +
      `commands ${commands.accepted}: ${[...commands.states].map((state) => state.join(' ')).join(', ')}`,
  );
  expect(violations.slice(0, SHOWN)).toEqual([]);
}
