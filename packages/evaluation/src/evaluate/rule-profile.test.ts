import { RuleProfile } from './rule-profile.js';

function profileOf(rules: Readonly<Record<string, readonly number[]>>): RuleProfile<string> {
  const profile = new RuleProfile<string>();
  for (const [rule, times] of Object.entries(rules)) for (const ms of times) profile.add(rule, ms);
  return profile;
}

describe('RuleProfile', () => {
  it('finds the most expensive rules, as many as necessary', () => {
    const profile = profileOf({ a: [5, 5, 5], b: [2, 2, 2], c: [1, 1, 1], d: [0.002, 0.002, 0.002] });
    expect(profile.offenders(10)).toEqual([{ rule: 'a', meanMs: 5 }]);
    expect(profile.offenders(5).map(({ rule }) => rule)).toEqual(['a', 'b']);
    expect(profile.offenders(0).map(({ rule }) => rule)).toEqual(['a', 'b', 'c']);
    expect(profile.offenders(100)).toEqual([]);
  });

  it('spares cheap rules, although they take most of the time or a pause of the process made some slow', () => {
    const cheap = Array<number>(10_000).fill(0.01);
    const paused = [0.002, 50, 0.002, 30, 0.002];
    expect(profileOf({ cheap, paused }).offenders(1)).toEqual([]);
  });

  it('does not suspect a rule after a single evaluation', () => {
    expect(profileOf({ a: [500] }).offenders(1)).toEqual([]);
  });
});
