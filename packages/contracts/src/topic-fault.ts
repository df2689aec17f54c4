import { IDENTITY } from './identity.js';
import type { InputFault } from './input-fault.js';
import { TOPIC_KINDS } from './topics.js';

type TopicReason = 'topic' | 'sub_topic' | 'identity';

const NAME = '1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit';

/** Says what is wrong with a topic that `parseTopic` does not know. */
export function topicFault(topic: string): InputFault<TopicReason> {
  const levels = topic.split('/', 10);
  const [fleet = '', kind = '', device = ''] = levels;
  if (fleet === '') return fault('topic', 'the topic begins with a slash; it must begin with the fleet');
  const isKind = (TOPIC_KINDS as readonly string[]).includes(kind);
  if (!isKind)
    return fault('topic', levels.length === 1 ? `the topic has one level; ${SHAPE}` : wrongKind(kind));
  if (levels.at(-1) === '') return fault('topic', `the topic ends with a slash; ${SHAPE}`);
  if (levels.length > 3) {
    if (kind !== 'telemetry') return fault('sub_topic', `too many levels; ${SHAPE}`);
    return fault(
      'sub_topic',
      'one JSON object per reading on <fleet>/telemetry/<device>; sub-topics are not read',
    );
  }
  const wrong = [fleet, device].find((name) => !IDENTITY.test(name)) ?? '';
  return fault(
    'identity',
    `${JSON.stringify(wrong.slice(0, 64).toWellFormed())} is not a valid name: ${NAME}`,
  );
}

const SHAPE = 'topics are <fleet>/<kind>/<device>';

function wrongKind(kind: string): string {
  const start = kind.toLowerCase().slice(0, 3);
  const meant = start === '' ? undefined : TOPIC_KINDS.find((known) => known.startsWith(start));
  const hint = meant === undefined ? `the kinds are ${TOPIC_KINDS.join(', ')}` : `did you mean ${meant}?`;
  return `${JSON.stringify(kind.slice(0, 64).toWellFormed())} is not a kind of topic; ${hint}`;
}

function fault<Reason extends TopicReason>(reason: Reason, problem: string): InputFault<Reason> {
  return { reason, problem };
}
