import { IDENTITY } from '../identity.js';
import type { InputFault } from './input-fault.js';

type TopicReason = 'topic' | 'sub_topic' | 'identity';

const NAME = '1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit';
const SHAPE = 'topics are <fleet>/<kind>/<device>';

/** Explains why `parseTopic` rejected a topic of a known kind. */
export function topicFault(topic: string): InputFault<TopicReason> {
  const levels = topic.split('/', 10);
  const [fleet = '', kind = '', device = ''] = levels;
  if (levels.at(-1) === '') return fault('topic', `the topic ends with a slash; ${SHAPE}`);
  if (levels.length > 3) {
    if (kind !== 'telemetry') return fault('sub_topic', `too many levels; ${SHAPE}`);
    return fault(
      'sub_topic',
      'one JSON object per reading on <fleet>/telemetry/<device>; sub-topics are not read',
    );
  }
  if (levels.length < 3 && IDENTITY.test(fleet)) return fault('topic', `the topic names no device; ${SHAPE}`);
  const wrong = [fleet, device].find((name) => !IDENTITY.test(name)) ?? '';
  return fault(
    'identity',
    `${JSON.stringify(wrong.slice(0, 64).toWellFormed())} is not a valid name: ${NAME}`,
  );
}

function fault<Reason extends TopicReason>(reason: Reason, problem: string): InputFault<Reason> {
  return { reason, problem };
}
