import type { Transition } from '@lamplighter/contracts/commands/command';
import { duration } from '@lamplighter/evaluation/clauses/definition/sentences';
import type { Command } from '@lamplighter/store/commands/read-commands';
import { isFinal } from '@lamplighter/store/commands/read-commands';
import { isoTime } from '../responses/iso-time.js';

/** A transition with its explanation. */
export interface DeliveryStep extends Transition {
  readonly sentence: string;
}

/** Explains every transition of a command; packages/contracts/src/commands/command.ts has the table of transitions. */
export function deliverySteps(command: Command): DeliveryStep[] {
  return command.transitions.map((transition, i) => ({
    ...transition,
    sentence: stepIn(transition, command, i === 0),
  }));
}

/** The steps with their times, followed by the outlook of an open command. */
export function explainDelivery(command: Command): string[] {
  const sentences = [...deliverySteps(command), ...invalidAcknowledgements(command)]
    .sort((a, b) => a.at - b.at)
    .map(({ at, sentence }) => `${isoTime(at)}: ${sentence}`);
  if (!isFinal(command.state)) sentences.push(outlook(command));
  return sentences;
}

/** Invalid acknowledgements, which change nothing. */
function invalidAcknowledgements({ invalid = [] }: Command): Pick<DeliveryStep, 'at' | 'sentence'>[] {
  return invalid.map(({ at, problem }) => ({
    at,
    sentence: `the device sent an invalid acknowledgement: ${problem}`,
  }));
}

/** Explains a missing acknowledgement. */
function missingAcknowledgement({ invalid }: Command): string {
  return invalid === undefined
    ? 'the device did not acknowledge it'
    : 'the device sent no valid acknowledgement';
}

function stepIn({ state, attempt, cause }: Transition, command: Command, isFirst: boolean): string {
  const [kind, detail = ''] = cause.split(/:(.*)/s);
  if (isFirst) return createdBy(kind!, detail);
  switch (state) {
    case 'pending':
      if (kind === 'away')
        return 'the device did not acknowledge it and is offline or silent, so the command waits until the device sends a message';
      if (kind === 'unreachable') return 'the device was not connected, so the command waits again';
      return `the broker refused the message (code ${kind!.replace('refused_', '')}), so the command waits again`;
    case 'dispatched':
      return dispatched(kind!, attempt, command);
    case 'acknowledged':
      return 'the device started it';
    case 'succeeded':
      return 'the device reported success';
    case 'failed':
    case 'rejected': {
      const { reason } = command.acknowledgement ?? {};
      const outcome = state === 'failed' ? 'reported a failure' : 'rejected it';
      return `the device ${outcome}${reason === undefined ? '' : `: ${reason}`}`;
    }
    case 'expired':
      if (kind === 'ttl') return 'its ttl ended before it was sent';
      return 'the device could not be reached, and policy "now" does not wait';
    case 'superseded':
      return `superseded by the newer command ${cause}`;
    case 'cancelled':
      return cancelled(kind!, detail);
    case 'unknown':
      return `${unknownOutcome(kind!, detail, command)}: it is unknown whether the device executed it`;
  }
}

function createdBy(kind: string, detail: string): string {
  if (kind === 'rule') return `created by rule "${detail}"`;
  if (kind === 'promise') return `created by rule "${detail}" as the promised end of an earlier action`;
  if (kind === 'rollout') return `created by rollout ${detail}`;
  return kind === 'api' ? 'created through the API' : `created (${kind})`;
}

function dispatched(kind: string, attempt: number, command: Command): string {
  const { timeoutMs } = command;
  switch (kind) {
    case 'emit':
      return 'sent to the device immediately';
    case 'no_answer':
      return `${missingAcknowledgement(command)}, so it was sent again, attempt ${attempt}`;
    case 'timeout':
      return `the device started it but did not finish within ${duration(timeoutMs)}, so it was sent again, attempt ${attempt}`;
    default:
      return `sent to the device, attempt ${attempt}`;
  }
}

function cancelled(kind: string, detail: string): string {
  if (kind === 'aborted') return `cancelled because command ${detail}, earlier in its lane, failed`;
  return kind === 'rollout' ? `cancelled with rollout ${detail}` : 'cancelled through the API';
}

function unknownOutcome(kind: string, detail: string, command: Command): string {
  const { timeoutMs } = command;
  switch (kind) {
    case 'unannounced':
      return 'it was sent, but the device publishes no birth and cannot acknowledge commands';
    case 'timeout':
      return `the device started it but did not finish within ${duration(timeoutMs)}`;
    case 'superseded':
      return `it was sent, ${missingAcknowledgement(command)}, and the newer command ${detail} superseded it`;
    case 'cancelled':
      return 'it was sent before it was cancelled';
    default:
      return `it was sent, but ${missingAcknowledgement(command)} in time`;
  }
}

function outlook(command: Command): string {
  const { state, expiresAt, timeoutMs, invalid } = command;
  if (state === 'acknowledged')
    return `it has not finished; the device may take ${duration(timeoutMs)} from its start`;
  const missing = invalid === undefined ? 'no acknowledgement' : 'no valid acknowledgement';
  return `it has ${missing} yet; it is not sent again after ${isoTime(expiresAt)}`;
}
