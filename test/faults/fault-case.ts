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

/** A stack with fleets and an evidence recorder. */
export interface FaultCase extends BreakableStack {
  readonly recorder: EvidenceRecorder;
  /** Starts a recorder for all fleets, including those added since the start. */
  startRecording(): Promise<EvidenceRecorder>;
  /** Prints progress; a case can take minutes. */
  log(line: string): void;
}

/** Maximum number of violations that a failed case shows. */
export const MAX_SHOWN = 20;
/** Longest time to become quiet after a fault, milliseconds: devices wait up to 30 s before they reconnect. */
export const QUIET_MS = 120_000;

/** Starts a stack with fleets and a recorder that polls the API at an interval (0: only at the end). */
export async function startFaultCase({
  fleets = [{ devices: 20 }],
  pollEveryMs = 3000,
  ...options
}: Omit<BreakableStackOptions, 'folder'> & {
  fleets?: readonly FleetOptions[];
  pollEveryMs?: number;
} = {}): Promise<FaultCase> {
  const stack = await startBreakableStack({ folder: join(temporaryFolder(), 'stack'), ...options });
  await Promise.all(
    fleets.map((fleet) => stack.addFleet({ ...fleet, env: { INTERVAL_MS: '500', ...fleet.env } })),
  );
  const ended = new AbortController();
  closeLater('recorder', () => ended.abort());
  const startRecording = async () => {
    const recorder = await EvidenceRecorder.start(stack, ended.signal);
    if (pollEveryMs > 0) recorder.pollApiEvery(pollEveryMs);
    return recorder;
  };
  const recorder = await startRecording();
  const startedAt = performance.now();
  const log = (line: string) =>
    process.stderr.write(
      `    ${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}\n`,
    );
  return Object.assign(stack, { recorder, log, startRecording });
}

/** Waits until the stack is quiet, then checks that no reading or command was lost, duplicated or reordered. */
export async function expectNothingLost({ recorder, log }: FaultCase): Promise<void> {
  log('fault removed; waiting until the stack is quiet');
  const { violations, readings, commands } = checkRun(await recorder.finish({ quietMs: QUIET_MS }));
  log(
    `readings ${readings.stored} of ${readings.taken} stored, ${readings.dropped} dropped by devices; ` +
      `commands ${commands.accepted}: ${[...commands.states].map((state) => state.join(' ')).join(', ')}`,
  );
  expect(violations.slice(0, MAX_SHOWN)).toEqual([]);
}
