import { MISSPELT_FILTERS, MISSPELT_KINDS, misspeltFault } from './misspelt-topics.js';
import { TOPIC_KINDS } from './topics.js';

describe('misspeltFault', () => {
  it.each([
    ['demo/telemtry/x', '`telemtry` is not a kind of topic; publish to demo/telemetry/x'],
    ['demo/Telemetry/x', '`Telemetry` is not a kind of topic; publish to demo/telemetry/x'],
    ['demo/telemtry/x/light', '`telemtry` is not a kind of topic; publish to demo/telemetry/x'],
    ['demo/telemtry/x/', '`telemtry` is not a kind of topic; publish to demo/telemetry/x'],
    ['demo/telemtry', '`telemtry` is not a kind of topic; publish to demo/telemetry/<device>'],
    ['demo/telemtry/my lamp', '`telemtry` is not a kind of topic; publish to demo/telemetry/<device>'],
    ['demo/ack/x', '`ack` is not a kind of topic; publish to demo/acknowledgements/x'],
    ['demo/presense/x', '`presense` is not a kind of topic; publish to demo/presence/x'],
    [
      'demo/command/x',
      '`command` is not a kind of topic; devices publish to demo/telemetry/x, and only read demo/commands/x',
    ],
    [
      'demo/State/x',
      '`State` is not a kind of topic; devices publish to demo/telemetry/x, and only read demo/state/x',
    ],
    ['/demo/telemetry/x', 'the topic starts with a slash; publish to demo/telemetry/x'],
    [
      '/demo/telemtry/x',
      'the topic starts with a slash, and `telemtry` is not a kind of topic; publish to demo/telemetry/x',
    ],
    [
      '/demo/commands/x',
      'the topic starts with a slash; devices publish to demo/telemetry/x, and only read demo/commands/x',
    ],
    ['/demo/lights/x', 'the topic starts with a slash; topics are <fleet>/<kind>/<device>'],
    ['/demo', 'the topic starts with a slash; topics are <fleet>/<kind>/<device>'],
  ])('%s', (topic, problem) => {
    expect(misspeltFault(topic)).toEqual({ reason: 'topic', problem });
  });
});

it('lists each misspelling once, and none that is a kind', () => {
  const spellings = Object.values(MISSPELT_KINDS).flat();
  expect(spellings.filter((spelling) => (TOPIC_KINDS as readonly string[]).includes(spelling))).toEqual([]);
  expect(new Set(spellings).size).toBe(spellings.length);
  expect(MISSPELT_FILTERS).toHaveLength(spellings.length + 1);
});
