import fc from 'fast-check';
import { parseTelemetry } from '../telemetry/reading.js';
import { parseEdgeDecision, parseEdgeReport } from './edge.js';

const NOW = 1_800_000_000_000;
const DECISION = {
  id: NOW,
  rule: 'night-light',
  version: 3,
  raise: true,
  reason: 'change',
  action: { led_on: true },
  seq: 7,
  now: NOW,
  trigger: 'reading',
  because: { state: { since: 2, raised: false, at: 5 }, reading: { light: 100 }, ageMs: 0, heardAt: NOW },
};
const REPORT = {
  rule: 'night-light',
  state: { since: 2, raised: true, at: NOW },
  decisions: [JSON.stringify(DECISION)],
};

describe('parseEdgeReport', () => {
  it('reads the report in a valid reading', () => {
    const payload = Buffer.from(JSON.stringify({ light: 1, _seq: 8, _edge: REPORT }));
    const [parsed] = parseTelemetry(payload, NOW).readings;
    expect(parseEdgeReport(parsed!.reading._edge)).toEqual({
      rule: 'night-light',
      state: REPORT.state,
      decisions: [DECISION],
      dropped: 0,
    });
  });

  it.each([
    ['a number', 5],
    ['too many decisions', { ...REPORT, decisions: Array.from({ length: 9 }, () => '{}') }],
    ['a decision that is too long', { ...REPORT, decisions: ['x'.repeat(1001)] }],
    ['an invalid state', { ...REPORT, state: { since: 1, raised: 'yes', at: 1 } }],
    ['a state with an unknown field', { ...REPORT, state: { ...REPORT.state, more: 1 } }],
  ])('rejects a report with %s', (_what, report) => {
    expect(parseEdgeReport(report)).toBeUndefined();
  });

  it('omits invalid decisions', () => {
    const decisions = [
      '',
      '{}',
      'null',
      JSON.stringify({ ...DECISION, id: -1 }),
      '{"__proto__":{}}',
      REPORT.decisions[0],
    ];
    expect(parseEdgeReport({ ...REPORT, decisions })?.decisions).toEqual([DECISION]);
    const deep = JSON.stringify({
      ...DECISION,
      because: { ...DECISION.because, reading: { a: [[[[[1]]]]] } },
    });
    expect(parseEdgeDecision(deep)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void parseEdgeReport(value)));
    fc.assert(fc.property(fc.string(), (text) => void parseEdgeDecision(text)));
  });
});
