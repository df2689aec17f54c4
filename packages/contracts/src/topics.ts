import { IDENTITY } from './identity.js';

/**
 * Every topic of the wire contract is `<fleet>/<kind>/<device>`, and this file is the only place that spells one.
 * The lesson topics have two levels, `<fleet>/telemetry` and `<fleet>/commands`; their device is named like the fleet.
 */
export const TOPIC_KINDS = [
  'telemetry',
  'commands',
  'acknowledgements',
  'receipts',
  'presence',
  'state',
] as const;
export type TopicKind = (typeof TOPIC_KINDS)[number];

/** A parsed topic. `lesson` marks the two-level form. */
export interface DeviceTopic {
  readonly fleet: string;
  readonly kind: TopicKind;
  readonly device: string;
  readonly lesson: boolean;
}

/** Subscription filters of the services. `#` after the kind also matches the level above it (MQTT 5, 4.7.1.2). */
export const FILTERS = {
  telemetry: '+/telemetry/#',
  acknowledgements: '+/acknowledgements/#',
  presence: '+/presence/#',
} as const;

/** Builds `<fleet>/<kind>/<device>`. */
export function deviceTopic(fleet: string, kind: TopicKind, device: string): string {
  return `${fleet}/${kind}/${device}`;
}

/** Builds a lesson topic, `<fleet>/telemetry` or `<fleet>/commands`. */
export function lessonTopic(fleet: string, kind: 'telemetry' | 'commands'): string {
  return `${fleet}/${kind}`;
}

/** The topic of a device's commands. */
export function commandsTopic(fleet: string, device: string, lesson: boolean): string {
  return lesson ? lessonTopic(fleet, 'commands') : deviceTopic(fleet, 'commands', device);
}

/** A shared subscription (MQTT 5, 4.8.2): the broker hands each message to one member of the group. */
export function sharedFilter(group: string, filter: string): string {
  return `$share/${group}/${filter}`;
}

/** Parses a topic of the contract; undefined for any other topic. */
export function parseTopic(topic: string): DeviceTopic | undefined {
  const levels = topic.split('/', 4);
  const [fleet, kind, device] = levels;
  if (fleet === undefined || !IDENTITY.test(fleet) || !isKind(kind)) return undefined;
  if (levels.length === 3 && device !== undefined && IDENTITY.test(device)) {
    return { fleet, kind, device, lesson: false };
  }
  if (levels.length === 2 && (kind === 'telemetry' || kind === 'commands')) {
    return { fleet, kind, device: fleet, lesson: true };
  }
  return undefined;
}

/** Whether a level of a topic is one of `TOPIC_KINDS`. */
export function isKind(level: string | undefined): level is TopicKind {
  return (TOPIC_KINDS as readonly (string | undefined)[]).includes(level);
}
