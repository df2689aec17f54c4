import { IDENTITY } from './identity.js';
import type { InputFault } from './telemetry/input-fault.js';
import { deviceTopic, isKind, type TopicKind } from './topics.js';

/**
 * Likely misspellings of the kinds of topics, by the correct kind. The broker refuses a topic that a device is not allowed to write, but an
 * MQTT 3.1.1 client gets no error: its message is acknowledged and dropped. Therefore mosquitto/acl allows devices to write these topics, but
 * not to read them, and the rules service subscribes to them only to report the mistake. Messages on misspellings that are not in the list are
 * still dropped. Misspelt fleets are not covered: a device can write only below the name of its account.
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

const KIND_OF_SPELLING: ReadonlyMap<string, TopicKind> = new Map(
  Object.entries(MISSPELT_KINDS).flatMap(([kind, spellings]) =>
    spellings.map((spelling) => [spelling, kind as TopicKind] as const),
  ),
);

/** Subscription filters for misspelt topics: each of these kinds with any number of levels, and every topic with a leading slash. */
export const MISSPELT_FILTERS: readonly string[] = [
  ...[...KIND_OF_SPELLING.keys()].map((kind) => `+/${kind}/#`),
  '/#',
];

/** Explains the mistake in a topic that one of `MISSPELT_FILTERS` matches, with the correct topic. */
export function misspeltFault(topic: string): InputFault<'topic'> {
  const isSlashed = topic.startsWith('/');
  const [fleet = '', given = '', device = ''] = (isSlashed ? topic.slice(1) : topic).split('/', 3);
  const misspelt = KIND_OF_SPELLING.get(given);
  const problems = [
    ...(isSlashed ? ['the topic starts with a slash'] : []),
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
