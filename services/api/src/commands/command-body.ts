import type { CommandEffect } from '@lamplighter/store/commands/effect-record';
import { isoTime } from '../responses/iso-time.js';
import type { CommandBody, EffectBody } from './command.schema.js';
import type { SentCommand } from './command-sender.js';

/** A command as the API returns it. */
export function commandBody(command: SentCommand): CommandBody {
  const { acknowledgement, invalid, effect } = command;
  return {
    id: command.id,
    fleet: command.fleet,
    device: command.device,
    ...(command.presence !== undefined && { presence: command.presence }),
    lane: command.lane,
    seq: command.seq,
    policy: command.policy,
    action: command.action,
    ...(command.traceparent !== undefined && { traceparent: command.traceparent }),
    onFailure: command.onFailure,
    source: command.source,
    ...(command.source === 'rule' && { rule: command.rule }),
    ...(command.source === 'api' && command.key !== undefined && { key: command.key }),
    ...(command.source === 'rollout' && { rollout: command.rollout }),
    state: command.state,
    attempt: command.attempt,
    attempts: command.attempts,
    createdAt: isoTime(command.createdAt),
    expiresAt: isoTime(command.expiresAt),
    timeoutMs: command.timeoutMs,
    transitions: command.transitions.map(({ state, at, attempt, cause }) => ({
      state,
      at: isoTime(at),
      attempt,
      cause,
    })),
    ...(acknowledgement && {
      answer: {
        ...(acknowledgement.reason !== undefined && { reason: acknowledgement.reason }),
        ...(acknowledgement.result !== undefined && { result: acknowledgement.result }),
      },
    }),
    ...(invalid && {
      unreadAnswers: invalid.map(({ at, ...fault }) => ({ at: isoTime(at), ...fault })).reverse(),
    }),
    ...(effect && { effect: effectBody(effect) }),
  };
}

function effectBody({ outcome, expect, withinMs, at, last, reading }: CommandEffect): EffectBody {
  return {
    outcome,
    expect,
    withinMs,
    ...(at !== undefined && { at: isoTime(at) }),
    ...(last && { last }),
    ...(reading && { reading }),
  };
}
