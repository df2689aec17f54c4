import fc from 'fast-check';
import {
  commandsTopic,
  type DeviceTopic,
  deviceTopic,
  FILTERS,
  lessonTopic,
  parseTopic,
  sharedFilter,
  TOPIC_KINDS,
} from './topics.js';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
const kind = fc.constantFrom(...TOPIC_KINDS);
const LESSON_KINDS = ['telemetry', 'commands'] as const;

/** Builds the topic from its parsed form. */
function rebuild({ fleet, kind, device, lesson }: DeviceTopic): string {
  if (!lesson) return deviceTopic(fleet, kind, device);
  if (kind !== 'telemetry' && kind !== 'commands') throw new Error(`the lesson has no ${kind}`);
  return lessonTopic(fleet, kind);
}

/** MQTT 5, 4.7: whether a filter without `$share` matches a topic, written from the specification. */
function matches(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const filterLevels = filter.split('/');
  for (const [i, want] of filterLevels.entries()) {
    if (want === '#') return true;
    const level = levels[i];
    if (level === undefined || (want !== '+' && want !== level)) return false;
    if (filterLevels[i + 1] === '#' && levels.length === i + 1) return true;
  }
  return levels.length === filterLevels.length;
}

/** Strings similar to topics: valid and invalid levels, in any number and order. */
const nearTopic = fc
  .array(
    fc.oneof(
      name,
      kind,
      fc.constantFrom(
        '',
        '+',
        '#',
        '$share',
        '$SYS',
        '\0',
        ' ',
        'é',
        '／',
        '..',
        '-a',
        '.a',
        '_a',
        'a b',
        'a\n',
      ),
    ),
    { maxLength: 5 },
  )
  .map((levels) => levels.join('/'));

describe('parseTopic', () => {
  it('returns the parts of a topic', () => {
    fc.assert(
      fc.property(name, kind, name, (fleet, kind, device) => {
        expect(parseTopic(deviceTopic(fleet, kind, device))).toEqual({ fleet, kind, device, lesson: false });
      }),
    );
  });

  it('assigns a lesson topic to the device that is named like the fleet', () => {
    fc.assert(
      fc.property(name, fc.constantFrom(...LESSON_KINDS), (fleet, kind) => {
        expect(parseTopic(lessonTopic(fleet, kind))).toEqual({ fleet, kind, device: fleet, lesson: true });
      }),
    );
  });

  it('is unambiguous: a parsed topic can be rebuilt', () => {
    fc.assert(
      fc.property(fc.oneof(nearTopic, fc.string(), fc.string({ unit: 'binary' })), (topic) => {
        const parsed = parseTopic(topic);
        if (parsed !== undefined) expect(rebuild(parsed)).toBe(topic);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['nothing', ''],
    ['one level', 'demo'],
    ['a leading slash', '/demo/telemetry/lamp'],
    ['a trailing slash', 'demo/telemetry/lamp/'],
    ['an empty fleet', '/telemetry/lamp'],
    ['an empty kind', 'demo//lamp'],
    ['an empty device', 'demo/telemetry/'],
    ['a fourth level', 'demo/telemetry/lamp/led'],
    ['sixty thousand levels', 'a/'.repeat(60_000)],
    ['another kind', 'demo/metrics/lamp'],
    ['a kind in capitals', 'demo/Telemetry/lamp'],
    ['a kind that every object has', 'demo/constructor/lamp'],
    ['two levels that are not of the lesson', 'demo/acknowledgements'],
    ['two levels for receipts', 'demo/receipts'],
    ['two levels for presence', 'demo/presence'],
    ['a wildcard for the fleet', '+/telemetry/lamp'],
    ['a wildcard for the device', 'demo/telemetry/+'],
    ['the wildcard for all', 'demo/telemetry/#'],
    ['a wildcard within a name', 'demo/telemetry/lamp+'],
    ['NUL in a name', 'demo/telemetry/la\0mp'],
    ['a line break after the name', 'demo/telemetry/lamp\n'],
    ['a space', 'demo/telemetry/la mp'],
    ['letters beyond ASCII', 'demo/telemetry/lämp'],
    ['a letter that folds to ASCII', 'demo/telemetry/lamp\u212a'],
    ['digits beyond ASCII', 'demo/telemetry/lamp٣'],
    ['a lone surrogate', 'demo/telemetry/lamp\ud800'],
    ['a colon, as in a Redis key', 'demo/telemetry/lamp:1'],
    ['braces, as in a hash tag', 'demo/telemetry/{17}'],
    ['a dot in front', 'demo/telemetry/.lamp'],
    ['a dash in front', 'demo/telemetry/-lamp'],
    ['an underscore in front', 'demo/telemetry/_lamp'],
    ['a name of 65 characters', `demo/telemetry/${'x'.repeat(65)}`],
    ['a name of 64 kB', `demo/telemetry/${'x'.repeat(65_535)}`],
    ['a fleet of 65 characters', `${'x'.repeat(65)}/telemetry/lamp`],
    ['the broker’s own', '$SYS/broker/version'],
    ['a shared filter', '$share/rules/demo/telemetry'],
  ])('rejects a topic with %s', (_what, topic) => {
    expect(parseTopic(topic)).toBeUndefined();
  });

  it('accepts names of 64 characters', () => {
    const longest = 'x'.repeat(64);
    expect(parseTopic(`${longest}/presence/${longest}`)).toMatchObject({ fleet: longest, device: longest });
  });
});

describe('FILTERS', () => {
  const filterOf = new Map(Object.entries(FILTERS));

  it('match every topic of their kind and the lesson topics', () => {
    fc.assert(
      fc.property(name, name, (fleet, device) => {
        for (const [kind, filter] of Object.entries(FILTERS)) {
          expect(matches(filter, deviceTopic(fleet, kind as keyof typeof FILTERS, device))).toBe(true);
        }
        expect(matches(FILTERS.telemetry, lessonTopic(fleet, 'telemetry'))).toBe(true);
      }),
    );
  });

  it('match no other kind, so that no service receives its own commands', () => {
    fc.assert(
      fc.property(nearTopic, (topic) => {
        const parsed = parseTopic(topic);
        if (parsed === undefined) return;
        for (const [kind, filter] of filterOf)
          expect([topic, filter, matches(filter, topic)]).toEqual([topic, filter, parsed.kind === kind]);
      }),
      { numRuns: 1000 },
    );
  });

  it('can be shared by a group', () => {
    expect(sharedFilter('rules', FILTERS.telemetry)).toBe('$share/rules/+/telemetry/#');
  });
});

it('commandsTopic is a lesson topic for a lesson device', () => {
  expect(commandsTopic('demo', 'lamp-0001', false)).toBe('demo/commands/lamp-0001');
  expect(commandsTopic('s1', 's1', true)).toBe('s1/commands');
  expect(commandsTopic('s1', 's1', false)).toBe('s1/commands/s1');
});
