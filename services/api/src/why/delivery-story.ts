import type { Transition } from '@lamplighter/contracts/commands/command';
import { duration } from '@lamplighter/evaluation/explanation/explain';
import type { Command } from '@lamplighter/store/commands/read-commands';
import { isFinal } from '@lamplighter/store/commands/read-commands';
import { isoTime } from '../iso-time.js';

/** A transition with what it means. */
export interface DeliveryStep extends Transition {
  readonly sentence: string;
}

/** Tells every step of a command's life in words; packages/contracts/src/commands/command.ts has the table of all that there are. */
export function deliverySteps(command: Command): DeliveryStep[] {
  return command.transitions.map((transition, i) => ({
    ...transition,
    sentence: stepIn(transition, command, i === 0),
  }));
}

/** The steps with their times, and what is to be expected of a command that is still open. */
export function deliverySentences(command: Command): string[] {
  const told = [...deliverySteps(command), ...unreadSteps(command)]
    .sort((a, b) => a.at - b.at)
    .map(({ at, sentence }) => `${isoTime(at)}: ${sentence}`);
  if (!isFinal(command.state)) told.push(outlook(command));
  return told;
}

/** Answers that changed nothing, since they were not understood. */
function unreadSteps({ unread = [] }: Command): Pick<DeliveryStep, 'at' | 'sentence'>[] {
  return unread.map(({ at, problem }) => ({
    at,
    sentence: `an answer came that was not understood: ${problem}`,
  }));
}

/** What to say of answers that did not come. */
function noAnswer({ unread }: Command): string {
  return unread === undefined ? 'no answer came' : 'no answer came that was understood';
}

function stepIn({ state, attempt, cause }: Transition, command: Command, isFirst: boolean): string {
  const [kind, detail = ''] = cause.split(/:(.*)/s);
  if (isFirst) return taken(kind!, detail);
  switch (state) {
    case 'pending':
      if (kind === 'away')
        return 'no answer came, and the device is away or silent, so it waits until the device is heard';
      if (kind === 'unreachable') return 'nobody was there to take it, so it waits again';
      return `the broker refused it (code ${kind!.replace('refused_', '')}), so it waits again`;
    case 'dispatched':
      return dispatched(kind!, attempt, command);
    case 'acknowledged':
      return 'the device has begun';
    case 'succeeded':
      return 'the device said that it is done';
    case 'failed':
    case 'rejected': {
      const { reason } = command.answer ?? {};
      const said = state === 'failed' ? 'that it failed' : 'that it does not take it';
      return `the device said ${said}${reason === undefined ? '' : `: ${reason}`}`;
    }
    case 'expired':
      if (kind === 'ttl') return 'its time to live was over before it was ever sent';
      return 'the device could not be reached, and it was not to wait';
    case 'superseded':
      return `the newer command ${cause} took its place`;
    case 'cancelled':
      return cancelled(kind!, detail);
    case 'unknown':
      return `${lost(kind!, detail, command)}: whether the device executed it nobody can know`;
  }
}

function taken(kind: string, detail: string): string {
  if (kind === 'rule') return `taken from rule "${detail}"`;
  if (kind === 'promise') return `taken as the promised end of what rule "${detail}" had started`;
  if (kind === 'rollout') return `taken from rollout ${detail}`;
  return kind === 'api' ? 'taken over REST' : `taken (${kind})`;
}

function dispatched(kind: string, attempt: number, command: Command): string {
  const { timeoutMs } = command;
  switch (kind) {
    case 'emit':
      return 'sent to the device at once';
    case 'no_answer':
      return `${noAnswer(command)}, so it was sent again, attempt ${attempt}`;
    case 'timeout':
      return `the device had begun and was not done within ${duration(timeoutMs)}, so it was sent again, attempt ${attempt}`;
    default:
      return `sent to the device, attempt ${attempt}`;
  }
}

function cancelled(kind: string, detail: string): string {
  if (kind === 'aborted') return `cancelled, since command ${detail} before it in its lane failed`;
  return kind === 'rollout' ? `cancelled with rollout ${detail}` : 'cancelled over REST';
}

function lost(kind: string, detail: string, command: Command): string {
  const { timeoutMs } = command;
  switch (kind) {
    case 'unannounced':
      return 'it was sent, but the device never announced itself and so cannot answer';
    case 'timeout':
      return `the device had begun and was not done within ${duration(timeoutMs)}`;
    case 'superseded':
      return `it had been sent, ${noAnswer(command)}, and the newer command ${detail} took its place`;
    case 'cancelled':
      return 'it had been sent before it was cancelled';
    default:
      return `it was sent, and ${noAnswer(command)} in time`;
  }
}

function outlook(command: Command): string {
  const { state, expiresAt, timeoutMs, unread } = command;
  if (state === 'acknowledged')
    return `it is not done yet; the device may take ${duration(timeoutMs)} from when it began`;
  const answer = unread === undefined ? 'no answer' : 'no answer that was understood';
  return `it has ${answer} yet; it is not sent any more after ${isoTime(expiresAt)}`;
}
