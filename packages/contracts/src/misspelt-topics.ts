import { IDENTITY } from './identity.js';
import type { InputFault } from './telemetry/input-fault.js';
import { deviceTopic, isKind, type TopicKind } from './topics.js';

/**
 * Likely misspellings of the kinds of topics, and what was meant. The broker refuses a topic that a device may not write, and an MQTT 3.1.1
 * client never learns of it: its message is acknowledged and dropped. So mosquitto/acl lets devices write these, and no device read them;
 * the rules service subscribes to them only to report what is wrong. The list is closed, and a misspelling that is not in it is still
 * dropped. A misspelt fleet cannot be in it: a device may write below the name of its account only.
 */
export const MISSPELT_KINDS = {
  telemetry: [
    'Telemetry',
    'TELEMETRY',
    'telemtry',
    'telmetry',
    'temeletry',
    'telemerty',
    'telemety',
    'telementry',
    'telemetery',
    'telemetri',
    'telemetrie',
    'tele',
  ],
  commands: ['Commands', 'COMMANDS', 'command', 'comand', 'comands', 'cmd', 'cmds'],
  acknowledgements: [
    'Acknowledgements',
    'ACKNOWLEDGEMENTS',
    'acknowledgement',
    'acknowledgments',
    'acknowledgment',
    'acknowledge',
    'ack',
    'acks',
  ],
  receipts: ['Receipts', 'RECEIPTS', 'receipt', 'reciepts'],
  presence: ['Presence', 'PRESENCE', 'presense', 'precense', 'prescence'],
  state: ['State', 'STATE', 'states'],
} as const satisfies Record<TopicKind, readonly string[]>;

const MEANT: ReadonlyMap<string, TopicKind> = new Map(
  Object.entries(MISSPELT_KINDS).flatMap(([kind, spellings]) =>
    spellings.map((spelling) => [spelling, kind as TopicKind] as const),
  ),
);

/** Subscription filters for misspelt topics: each of these kinds with any number of levels, and everything behind a leading slash. */
export const MISSPELT_FILTERS: readonly string[] = [...[...MEANT.keys()].map((kind) => `+/${kind}/#`), '/#'];

/** Says what is wrong with a topic that one of `MISSPELT_FILTERS` matches, and which topic is the right one. */
export function misspeltFault(topic: string): InputFault<'topic'> {
  const isSlashed = topic.startsWith('/');
  const [fleet = '', given = '', device = ''] = (isSlashed ? topic.slice(1) : topic).split('/', 3);
  const misspelt = MEANT.get(given);
  const problems = [
    ...(isSlashed ? ['the topic begins with a slash'] : []),
    ...(misspelt === undefined ? [] : [`\`${given}\` is not a kind of topic`]),
  ];
  const kind = misspelt ?? (isKind(given) ? given : undefined);
  return { reason: 'topic', problem: `${problems.join(', and ')}; ${advice(fleet, kind, device)}` };
}

function advice(fleet: string, kind: TopicKind | undefined, device: string): string {
  if (kind === undefined) return 'topics are <fleet>/<kind>/<device>';
  const of = (name: TopicKind) =>
    deviceTopic(IDENTITY.test(fleet) ? fleet : '<fleet>', name, IDENTITY.test(device) ? device : '<device>');
  const isForDevices = kind === 'telemetry' || kind === 'acknowledgements' || kind === 'presence';
  if (isForDevices) return `publish to ${of(kind)}`;
  return `devices publish to ${of('telemetry')}, and only read ${of(kind)}`;
}
