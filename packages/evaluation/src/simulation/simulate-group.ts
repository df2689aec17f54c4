import type { Trace } from '../context/trace.js';
import { ExpressionFailed } from '../expression/expression.js';
import { type Vote, voteOf } from '../quorum/quorum.js';
import { groupEvidenceOf } from '../quorum/quorum-evidence.js';
import { evaluateGroup, type GroupState } from '../quorum/quorum-group.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import type { RecordedReading, SimulatedEvaluation, Simulation, SimulationOptions } from './simulation.js';

/** Shortest time between evaluations of a group, as in the rules service. Milliseconds. */
const ROUND_MS = 100;

/**
 * Runs a quorum rule on the readings of its sensors.
 * @param readings of all sensors, in order of time
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
  // The group is first evaluated when its rule comes into force, so that the silence of sensors that never report counts from then on.
  let roundAt = begun;
  let earliestRoundAt = begun;
  const due = () => Math.min(roundAt, wakeAt);

  const step = (): SimulatedEvaluation => {
    const now = due();
    const trigger = roundAt <= now ? 'reading' : 'timer';
    const trace: Trace | undefined = traced ? [] : undefined;
    const cast = [...votes.values()];
    // No other rule has evaluated the group, so the state is never that of a newer rule.
    const evaluated = evaluateGroup(
      rule,
      state,
      cast,
      { fleet, trigger, now, listeningSince: begun },
      trace,
    )!;
    state = evaluated.state;
    wakeAt = Math.max(evaluated.wakeAt ?? Number.POSITIVE_INFINITY, now + 1);
    roundAt = Number.POSITIVE_INFINITY;
    earliestRoundAt = now + ROUND_MS;
    const { emit, reason } = evaluated;
    const targets = rule.target ?? rule.scope;
    return {
      ...(emit !== undefined && { command: { targets, at: now, action: emit, reason: reason! } }),
      evidence: () => groupEvidenceOf(rule, evaluated, cast, { fleet, trigger, now }),
      ...(trace !== undefined && { trace }),
    };
  };

  for (const { device, at, reading } of readings) {
    // Readings of the same millisecond are counted in the same round.
    while (due() < at) yield step();
    const vote = voteAfter(rule, votes.get(device), { fleet, device }, reading);
    if (vote === undefined) continue;
    votes.set(device, { device, value: Number(vote), receivedAt: at, since: rule.since });
    roundAt = Math.min(roundAt, Math.max(at, earliestRoundAt));
  }
  while (due() <= Math.max(until, readings.at(-1)!.at)) yield step();
}

/** The vote of a sensor; undefined if its reading is undecided or the expression fails. */
function voteAfter(
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
