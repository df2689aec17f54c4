import { lowered, obstaclesOf, raised, START, traceOf } from '../../test/rule-under-test.js';
import { explain, obstacles } from './explain.js';

describe('explain', () => {
  it('explains a command clause by clause', () => {
    const held = { ...lowered, held: START - 12_000, raisedAt: START - 300_000 };
    expect(explain(traceOf({ hold: '10s', cooldown: '1m' }, held))).toEqual([
      'the reading was 200 ms old, 30 s are allowed',
      'light was 212, below 300: "light < 300" held',
      'the other verdict had lasted for 12 s, at least 10 s (hold)',
      'the last raise was 5 min ago, longer than the cooldown of 60 s',
      'the rule was raised, so {"led_on":true} was sent',
    ]);
  });

  it('uses the conditional for a dry run', () => {
    expect(explain(traceOf({}, undefined), 'would be').at(-1)).toBe(
      'this was the first verdict: raised, so {"led_on":true} would be sent',
    );
    expect(explain(traceOf({ hold: '10s' }, undefined), 'would be').at(-1)).toBe(
      'no command would be sent: nothing had been decided yet',
    );
  });

  it('lists the values of windows and of the previous reading', () => {
    const window = { compute: () => 312.4 };
    const when = 'window.avg("light", "10m") > 300 && light > last.light + 50';
    const [, sentence] = explain(traceOf({ when }, lowered, { window, last: { light: 200 } }));
    expect(sentence).toBe(
      `"${when}" did not hold: light was 212, last.light was 200, avg(light,10m) was 312.4`,
    );
  });

  it('does not mistake properties of every object for measurements', () => {
    expect(explain(traceOf({ when: 'constructor > 3 || toString == "a"' }, lowered))[1]).toBe(
      '"constructor > 3 || toString == "a"" was undecided: constructor, toString are missing',
    );
  });
});

describe('obstacles', () => {
  it('names a failed expression', () => {
    expect(obstaclesOf({ when: '1 / (light - 212) > 0' }, lowered)).toEqual([
      'the rule failed: division by zero',
    ]);
  });

  it('names the clauses that keep a rule raised', () => {
    const keepingRaised = (changes: Parameters<typeof traceOf>[0], light: number) =>
      obstacles(traceOf(changes, raised, { reading: { light } }), true).map(({ clause }) => clause);
    expect(keepingRaised({}, 212)).toEqual(['when']);
    expect(keepingRaised({ dwell: '5m' }, 400)).toEqual(['dwell']);
    expect(keepingRaised({ clear: 'light > 330' }, 310)).toEqual(['clear']);
    expect(keepingRaised({ clear: 'light > 330', hold: '10s' }, 340)).toEqual(['hold']);
  });

  it('names all clauses that delay a verdict', () => {
    const trace = traceOf({ dwell: '5m', cooldown: '5m' }, { ...lowered, raisedAt: START - 90_000 });
    expect(obstacles(trace).map(({ clause }) => clause)).toEqual(['dwell', 'cooldown']);
  });
});
