import type { Expression } from '@lamplighter/evaluation/expression/expression';
import { type Command, listCommandsAfter, readCommand } from '@lamplighter/store/commands/read-commands';
import { type KeptReading, readWindow } from '@lamplighter/store/devices/devices';
import { type EffectCheck, type EffectFinding, MAX_EFFECT_WAIT_MS } from '@lamplighter/store/effects/effects';
import { WINDOW_SIZE } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { evaluateEffect, valuesOf } from './evaluate-effect.js';

/** Shortest time between checks; it grows, but readings must be checked before they leave the window. Milliseconds. */
const MIN_WAIT_MS = 2000;
/** A success that is further in the future was recorded before the Redis clock was set back, milliseconds. */
const FUTURE_TOLERANCE_MS = 1000;
/** How many later commands are searched for one of the same lane. */
const LATER_COMMANDS = 20;

/** Compiles the expected effect of a command; undefined if the expression is invalid. */
export type Compile = (text: string) => Expression<boolean> | undefined;

/**
 * Checks the readings that a device has sent since its command succeeded.
 * @param now Redis time, milliseconds
 * @returns undefined if there is nothing to measure: the command was pruned, or expects no effect
 */
export async function measureEffect(
  redis: Redis,
  check: EffectCheck,
  now: number,
  compile: Compile,
): Promise<EffectFinding | undefined> {
  const [command, later, window] = await Promise.all([
    readCommand(redis, check.id),
    listCommandsAfter(redis, check, LATER_COMMANDS),
    readWindow(redis, check.fleet, check.device, WINDOW_SIZE),
  ]);
  if (command?.effect === undefined || command.source !== 'rule') return undefined;
  const { action, rule, effect } = command;
  const expect = compile(effect.expect);
  const succeededAt = command.transitions.find(({ state }) => state === 'succeeded')?.at;
  // If the clock was set back, it is unknown which readings arrived after the success.
  if (expect === undefined || succeededAt === undefined || succeededAt > now + FUTURE_TOLERANCE_MS)
    return { rule, outcome: 'unmeasured', evidence: {} };

  const deadline = succeededAt + effect.withinMs;
  // Readings after a later command do not count, nor does the one that caused it.
  const countermandedAt = nextCommandAt(command, later) ?? Number.POSITIVE_INFINITY;
  const counts = ({ receivedAt }: KeptReading) =>
    receivedAt > succeededAt && receivedAt <= deadline && receivedAt < countermandedAt;
  const live = window.filter(({ late }) => !late); // newest first
  const verdict = evaluateEffect({
    expect,
    action,
    device: { fleet: check.fleet, device: check.device },
    last: effect.last ?? lastBefore(live, sentAt(command) ?? succeededAt, { expect, action }),
    readings: live.filter(counts).toReversed(),
    seen: effect.reading,
    end: countermandedAt <= deadline ? 'countermanded' : now < deadline ? 'open' : 'over',
  });
  if (verdict.outcome !== 'pending') return { rule, ...verdict };
  const wait = Math.min(Math.max(now - succeededAt, MIN_WAIT_MS), MAX_EFFECT_WAIT_MS);
  return { rule, ...verdict, nextAt: Math.min(deadline, now + wait) };
}

/** When a command was first dispatched to a subscriber. A dispatch without a subscriber does not count as an attempt. */
function sentAt({ transitions }: Command): number | undefined {
  const sent = transitions.filter(({ state }) => state === 'dispatched');
  return (sent.findLast(({ attempt }) => attempt === 1) ?? sent[0])?.at;
}

/** When the next command of the lane with another action was dispatched. */
function nextCommandAt(command: Command, later: readonly Command[]): number | undefined {
  const same = JSON.stringify(command.action);
  const times = later
    .filter(
      ({ lane, seq, action }) =>
        lane === command.lane && seq > command.seq && JSON.stringify(action) !== same,
    )
    .flatMap((other) => sentAt(other) ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

function lastBefore(
  live: readonly KeptReading[],
  dispatchedAt: number,
  named: Parameters<typeof valuesOf>[1],
) {
  const reading = live.find(({ receivedAt }) => receivedAt <= dispatchedAt);
  return reading && valuesOf(reading.measurements, named);
}
