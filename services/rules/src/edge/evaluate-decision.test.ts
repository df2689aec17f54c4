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

/** Raised on reading 7, with a light of 100. */
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
function evaluate(
  { rule = NIGHT_LIGHT, ...facts }: Partial<Omit<DecisionFacts, 'rule'>> & { rule?: RuleInput },
  decision: Partial<EdgeDecision> = {},
) {
  return evaluateDecision(
    { ...DECISION, ...decision },
    {
      fleet: 'demo',
      device: 'lamp-1',
      rule: compiled(rule),
      currentVersion: 3,
      window: [kept(90, 8, NOW + 1000), kept(100, 7)],
      neighbours: rule.quorum && new Map(),
      ...facts,
    },
  );
}
const neighbours = (...lights: number[]) =>
  new Map(lights.map((light, i) => [`lamp-${i + 2}`, [kept(light, 1, NOW - 1000)]] as const));

describe('evaluateDecision', () => {
  it('agrees if the rule decides the same on the stored reading, and explains why', () => {
    const { judgement, sentences } = evaluate({});
    expect(judgement).toBe('agrees');
    expect(sentences.join('\n')).toContain('light was 100, below 300');
  });

  it('disagrees if another reading is stored under the sequence number', () => {
    const { judgement, sentences } = evaluate({ window: [kept(500, 7)] });
    expect(judgement).toBe('disagrees');
    expect(sentences.join('\n')).toContain('light was 500');
  });

  it("disagrees if the rule decides otherwise on the device's own report", () => {
    const because = { ...DECISION.because!, reading: { light: 310 } };
    expect(evaluate({}, { because }).judgement).toBe('disagrees');
  });

  it.each<[why: string, known: Parameters<typeof evaluate>[0], decision: Partial<EdgeDecision>]>([
    ['is not stored', { window: [kept(90, 8)] }, {}],
    ['is not stored', {}, { seq: undefined }],
    ['too large for the report', {}, { because: undefined }],
  ])('reports missing data: %s', (why, known, decision) => {
    const { judgement, sentences } = evaluate(known, decision);
    expect(judgement).toBe('data_missing');
    expect(sentences[0]).toContain(why);
  });

  it('reports a version that is no longer stored, and names the current one', () => {
    const known = { fleet: 'demo', device: 'lamp-1', rule: undefined, window: [], neighbours: undefined };
    expect(evaluateDecision(DECISION, { ...known, currentVersion: 9 })).toEqual({
      judgement: 'data_missing',
      sentences: [
        'version 3 of rule "night-light" is no longer stored',
        'the current version of the rule is 9',
      ],
    });
    expect(evaluateDecision(DECISION, { ...known, currentVersion: undefined }).sentences[1]).toBe(
      'the rule has been deleted since',
    );
  });

  it('computes windows from the stored readings', () => {
    const rule = { ...NIGHT_LIGHT, when: 'window.avg("light", "1m") < 300', clear: 'light > 900' };
    const because = { ...DECISION.because!, windows: { 'avg(light,1m)': 250 } };
    const window = (before: number) => [kept(100, 7), kept(before, 6, NOW - 5000)];
    expect(evaluate({ rule, window: window(400) }, { because }).judgement).toBe('agrees');
    expect(evaluate({ rule, window: window(900) }, { because }).judgement).toBe('disagrees');
    const short = [kept(100, 7), ...Array.from({ length: 239 }, (_, i) => kept(400, 6 - i, NOW - 1 - i))];
    expect(evaluate({ rule, window: short }, { because }).judgement).toBe('data_missing');
  });
});

describe('evaluateDecision with a quorum', () => {
  it.each([
    ['agrees', [100, 500]],
    ['neighbours_disagreed', [500, 500]],
    ['data_missing', []],
  ] as const)('returns %s if the neighbours measured %j', (judgement, lights) => {
    const {
      judgement: actual,
      sentences,
      tally,
    } = evaluate({ rule: QUORUM, neighbours: neighbours(...lights) });
    expect(actual).toBe(judgement);
    expect(sentences[0]).toMatch(/of 3 sensors had voted/);
    expect(tally).toMatchObject({ fresh: lights.length + 1 });
  });

  it('counts the readings at the time of the decision, not newer or stale ones', () => {
    const at = (light: number, ms: number) => kept(light, ms + 1, NOW + ms);
    const windows = new Map([
      ['lamp-2', [at(100, 5000), at(500, -2000)]],
      ['lamp-3', [at(500, -31_000)]],
    ]);
    const { tally } = evaluate({ rule: QUORUM, neighbours: windows });
    expect(tally).toMatchObject({ fresh: 2, stale: 1, yes: 1, no: 1 });
  });

  it('compares with the median of a measuring quorum', () => {
    const rule: RuleInput = {
      ...QUORUM,
      when: 'value < 300',
      clear: 'value > 330',
      quorum: { policy: 'median', of: 'light' },
    };
    const because = { ...DECISION.because!, value: 100 };
    const actual = evaluate({ rule, neighbours: neighbours(500, 600) }, { because });
    expect([actual.judgement, actual.sentences[0]]).toEqual([
      'neighbours_disagreed',
      '3 of 3 sensors had voted: their median was 500; the decision is no (median)',
    ]);
    expect(evaluate({ rule, neighbours: neighbours(200, 600) }, { because }).judgement).toBe('agrees');
  });

  it('reports missing data for a quorum with too many sensors', () => {
    expect(evaluate({ rule: QUORUM, neighbours: undefined }).judgement).toBe('data_missing');
  });
});
