import type { Trace } from '../context/trace.js';
import { ExpressionFailed } from '../expression/expression.js';
import { type Vote, voteOf } from '../quorum/quorum.js';
import { groupEvidenceOf } from '../quorum/quorum-evidence.js';
import { evaluateGroup, type GroupState } from '../quorum/quorum-group.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import type { RecordedReading, SimulatedJudgement, Simulation, SimulationOptions } from './simulation.js';

/** A group is decided at most this often, as the rules service does. Milliseconds. */
const ROUND_MS = 100;

/**
 * Runs a quorum rule on what its sensors have sent, all of them on one line of time.
 * @param readings in the order of their times
 */
export function* simulateGroup(
  rule: CompiledRule,
  readings: readonly RecordedReading[],
  { fleet, until, traced = false }: SimulationOptions,
): Simulation {
  const begun = readings[0]?.at;
  if (begun === undefined) return;
  const votes = new Map<string, Vote>();
  let state: GroupState | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;
  // The group is looked at when its rule comes into force, so that sensors which never speak are missed from then on.
  let roundAt = begun;
  let restsUntil = begun;
  const due = () => Math.min(roundAt, wakeAt);

  const judge = (): SimulatedJudgement => {
    const now = due();
    const trigger = roundAt <= now ? 'reading' : 'timer';
    const trace: Trace | undefined = traced ? [] : undefined;
    const cast = [...votes.values()];
    // Nothing has judged before, so the state is never that of a newer rule.
    const judged = evaluateGroup(rule, state, cast, { fleet, trigger, now, listeningSince: begun }, trace)!;
    state = judged.state;
    wakeAt = Math.max(judged.wakeAt ?? Number.POSITIVE_INFINITY, now + 1);
    roundAt = Number.POSITIVE_INFINITY;
    restsUntil = now + ROUND_MS;
    const { emit, reason } = judged;
    const targets = rule.target ?? rule.scope;
    return {
      ...(emit !== undefined && { command: { targets, at: now, action: emit, reason: reason! } }),
      evidence: () => groupEvidenceOf(rule, judged, cast, { fleet, trigger, now }),
      ...(trace !== undefined && { trace }),
    };
  };

  for (const { device, at, reading } of readings) {
    // Who speaks in the same millisecond is counted in the same round.
    while (due() < at) yield judge();
    const vote = said(rule, votes.get(device), { fleet, device }, reading);
    if (vote === undefined) continue;
    votes.set(device, { device, value: Number(vote), receivedAt: at, since: rule.since });
    roundAt = Math.min(roundAt, Math.max(at, restsUntil));
  }
  while (due() <= Math.max(until, readings.at(-1)!.at)) yield judge();
}

/** What a sensor says; nothing if its reading does not say, or if the expression fails, which is no vote either. */
function said(
  rule: CompiledRule,
  before: Vote | undefined,
  device: { fleet: string; device: string },
  reading: RecordedReading['reading'],
): boolean | number | undefined {
  try {
    return voteOf(rule, before === undefined ? undefined : before.value === 1, { reading, device });
  } catch (error) {
    if (error instanceof ExpressionFailed) return undefined;
    throw error;
  }
}
