// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import type { EdgeDecision } from '@lamplighter/contracts/edge/edge';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import type { KeptReading } from '@lamplighter/store/devices/devices';
import { type DecisionFacts, evaluateDecision } from './evaluate-decision.js';

const NOW = 1_800_000_000_000;
const NIGHT_LIGHT: RuleInput = {
  id: 'night-light',
  when: 'light < 300',
  clear: 'light > 330',
  then: { led_on: true },
  else: { led_on: false },
};
const QUORUM: RuleInput = {
  ...NIGHT_LIGHT,
  scope: { devices: ['lamp-1', 'lamp-2', 'lamp-3'] },
  quorum: { policy: 'majority' },
};
const compiled = (rule: RuleInput) => compileRule(ruleSchema.parse(rule), 3, 2);

/** Raised on reading 7, in which light was 100. */
const DECISION: EdgeDecision = {
  id: NOW,
  rule: 'night-light',
  version: 3,
  raise: true,
  reason: 'change',
  action: { led_on: true },
  seq: 7,
  now: NOW,
  trigger: 'reading',
  because: {
    state: { since: 2, raised: false, at: NOW - 60_000 },
    reading: { light: 100 },
    ageMs: 0,
    heardAt: NOW,
  },
};
const kept = (light: number, seq: number, at = NOW): KeptReading => ({
  seq,
  at,
  receivedAt: NOW + 30_000,
  late: true,
  measurements: { light },
});
function judged(
  { rule = NIGHT_LIGHT, ...known }: Partial<Omit<DecisionFacts, 'rule'>> & { rule?: RuleInput },
  decision: Partial<EdgeDecision> = {},
) {
  return evaluateDecision(
    { ...DECISION, ...decision },
    {
      fleet: 'demo',
      device: 'lamp-1',
      rule: compiled(rule),
      present: 3,
      window: [kept(90, 8, NOW + 1000), kept(100, 7)],
      neighbours: rule.quorum && new Map(),
      ...known,
    },
  );
}
const neighbours = (...lights: number[]) =>
  new Map(lights.map((light, i) => [`lamp-${i + 2}`, [kept(light, 1, NOW - 1000)]] as const));

describe('the judgement of a decision', () => {
  it('agrees where the rule comes to the same on what is stored, and says why', () => {
    const { judgement, sentences } = judged({});
    expect(judgement).toBe('agrees');
    expect(sentences.join('\n')).toContain('light was 100, below 300');
  });

  it('disagrees where something else is stored under the number of the reading', () => {
    const { judgement, sentences } = judged({ window: [kept(500, 7)] });
    expect(judgement).toBe('disagrees');
    expect(sentences.join('\n')).toContain('light was 500');
  });

  it('disagrees where the rule says otherwise of what the device itself reports', () => {
    const because = { ...DECISION.because!, reading: { light: 310 } };
    expect(judged({}, { because }).judgement).toBe('disagrees');
  });

  it.each<[why: string, known: Parameters<typeof judged>[0], decision: Partial<EdgeDecision>]>([
    ['is not stored', { window: [kept(90, 8)] }, {}],
    ['is not stored', {}, { seq: undefined }],
    ['too much to report', {}, { because: undefined }],
  ])('cannot be given where data is missing: %s', (why, known, decision) => {
    const { judgement, sentences } = judged(known, decision);
    expect(judgement).toBe('data_missing');
    expect(sentences[0]).toContain(why);
  });

  it('cannot be given by a version that is not kept, and says which one there is now', () => {
    const known = { fleet: 'demo', device: 'lamp-1', rule: undefined, window: [], neighbours: undefined };
    expect(evaluateDecision(DECISION, { ...known, present: 9 })).toEqual({
      judgement: 'data_missing',
      sentences: ['version 3 of rule "night-light" is not kept any more', 'the rule has version 9 now'],
    });
    expect(evaluateDecision(DECISION, { ...known, present: undefined }).sentences[1]).toBe(
      'the rule is gone now',
    );
  });

  it('computes windows anew from what is stored', () => {
    const rule = { ...NIGHT_LIGHT, when: 'window.avg("light", "1m") < 300', clear: 'light > 900' };
    const because = { ...DECISION.because!, windows: { 'avg(light,1m)': 250 } };
    const window = (before: number) => [kept(100, 7), kept(before, 6, NOW - 5000)];
    expect(judged({ rule, window: window(400) }, { because }).judgement).toBe('agrees');
    expect(judged({ rule, window: window(900) }, { because }).judgement).toBe('disagrees');
    const short = [kept(100, 7), ...Array.from({ length: 239 }, (_, i) => kept(400, 6 - i, NOW - 1 - i))];
    expect(judged({ rule, window: short }, { because }).judgement).toBe('data_missing');
  });
});

describe('the judgement of a quorum', () => {
  it.each([
    ['agrees', [100, 500]],
    ['neighbours_disagreed', [500, 500]],
    ['data_missing', []],
  ] as const)('%s when its neighbours saw %j', (judgement, lights) => {
    const {
      judgement: given,
      sentences,
      tally,
    } = judged({ rule: QUORUM, neighbours: neighbours(...lights) });
    expect(given).toBe(judgement);
    expect(sentences[0]).toMatch(/of 3 sensors had spoken/);
    expect(tally).toMatchObject({ fresh: lights.length + 1 });
  });

  it('counts what was measured at the time, not what came since, nor what was stale', () => {
    const at = (light: number, ms: number) => kept(light, ms + 1, NOW + ms);
    const windows = new Map([
      ['lamp-2', [at(100, 5000), at(500, -2000)]],
      ['lamp-3', [at(500, -31_000)]],
    ]);
    const { tally } = judged({ rule: QUORUM, neighbours: windows });
    expect(tally).toMatchObject({ fresh: 2, stale: 1, yes: 1, no: 1 });
  });

  it('compares with the median of a measuring one', () => {
    const rule: RuleInput = {
      ...QUORUM,
      when: 'value < 300',
      clear: 'value > 330',
      quorum: { policy: 'median', of: 'light' },
    };
    const because = { ...DECISION.because!, value: 100 };
    const given = judged({ rule, neighbours: neighbours(500, 600) }, { because });
    expect([given.judgement, given.sentences[0]]).toEqual([
      'neighbours_disagreed',
      '3 of 3 sensors had spoken: their median was 500, together they say no (median)',
    ]);
    expect(judged({ rule, neighbours: neighbours(200, 600) }, { because }).judgement).toBe('agrees');
  });

  it('says nothing of too many sensors', () => {
    expect(judged({ rule: QUORUM, neighbours: undefined }).judgement).toBe('data_missing');
  });
});
