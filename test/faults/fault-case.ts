import { join } from 'node:path';
import { checkRun } from '@lamplighter/prove/checks/check-run';
import { EvidenceRecorder } from '@lamplighter/prove/run/evidence-recorder';
import {
  type BreakableStack,
  type BreakableStackOptions,
  type FleetOptions,
  startBreakableStack,
} from '@lamplighter/prove/stack/breakable-stack';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';

/** A stack with a fleet on it, and its books. */
export interface FaultCase extends BreakableStack {
  readonly recorder: EvidenceRecorder;
  /** Opens books on the fleets that were added since; `books` are those of the beginning. */
  startRecording(): Promise<EvidenceRecorder>;
  /** Tells how it goes; a case may take a minute. */
  log(line: string): void;
}

/** Violations that a failed case shows. */
export const MAX_SHOWN = 20;
/** Longest time in which everything must come to rest after a fault, milliseconds: devices wait up to 30 s before they return. */
export const QUIET_MS = 120_000;

/** Builds a stack, with fleets unless they are `[]`, opens the books, and looks at the API every so often (0: not before the end). */
export async function startFaultCase({
  fleets = [{ devices: 20 }],
  lookEveryMs = 3000,
  ...options
}: Omit<BreakableStackOptions, 'folder'> & {
  fleets?: readonly FleetOptions[];
  lookEveryMs?: number;
} = {}): Promise<FaultCase> {
  const stack = await startBreakableStack({ folder: join(temporaryFolder(), 'scene'), ...options });
  await Promise.all(
    fleets.map((fleet) => stack.addFleet({ ...fleet, env: { INTERVAL_MS: '500', ...fleet.env } })),
  );
  const over = new AbortController();
  closeLater('books', () => over.abort());
  const startRecording = async () => {
    const recorder = await EvidenceRecorder.start(stack, over.signal);
    if (lookEveryMs > 0) recorder.pollApiEvery(lookEveryMs);
    return recorder;
  };
  const recorder = await startRecording();
  const began = performance.now();
  const log = (line: string) =>
    process.stderr.write(`    ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  return Object.assign(stack, { recorder, log, startRecording });
}

/** Waits until everything has come to rest, and has the oracle judge it: no reading and no command was lost, doubled or misplaced. */
export async function expectNothingLost({ recorder, log }: FaultCase): Promise<void> {
  log('mended; waiting for everything to come to rest');
  const { violations, readings, commands } = checkRun(await recorder.finish({ quietMs: QUIET_MS }));
  log(
    `readings ${readings.stored} of ${readings.taken} stored, ${readings.dropped} dropped by devices; ` +
      `commands ${commands.accepted}: ${[...commands.states].map((state) => state.join(' ')).join(', ')}`,
  );
  expect(violations.slice(0, MAX_SHOWN)).toEqual([]);
}
