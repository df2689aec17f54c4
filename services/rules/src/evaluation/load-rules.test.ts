import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRules } from './load-rules.js';

const folder = mkdtempSync(join(tmpdir(), 'rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown): string {
  const path = join(folder, 'rules.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
const rule = (more: object = {}) => ({ id: 'r', when: 'light < 300', then: { led_on: true }, ...more });

describe('a rules file', () => {
  it('comes with the night-light rule', () => {
    const rules = loadRules(fileURLToPath(new URL('../../rules/night-light.json', import.meta.url)));
    expect(rules.forDevice('demo', 'lamp-0001')).toMatchObject([
      { id: 'night-light', mode: 'change', ttlMs: 3_600_000 },
    ]);
  });

  it('applies a rule only to the fleets and devices in its scope', () => {
    const rules = loadRules(file({ rules: [rule({ scope: { fleets: ['home'], devices: ['a', 'b'] } })] }));
    expect(rules.forDevice('home', 'a')).toHaveLength(1);
    expect(rules.forDevice('home', 'c')).toHaveLength(0);
    expect(rules.forDevice('work', 'a')).toHaveLength(0);
  });

  it.each([
    ['is no JSON', '{"rules": [', /invalid\n {2}.*JSON/],
    ['lacks its list', {}, /\/rules: /],
    ['has an unknown key', { rules: [rule({ hold: '2s' })] }, /\/rules\/0: .*hold/],
    ['has a condition that does not parse', { rules: [rule({ when: 'light <' })] }, /\/rules\/0\/when: /],
    [
      'has a time to live that is none',
      { rules: [rule({ command: { ttl: 'soon' } })] },
      /\/rules\/0\/command\/ttl: must be a duration/,
    ],
    ['has an action with a protocol key', { rules: [rule({ then: { _cmd: 1 } })] }, /\/rules\/0\/then/],
    ['names a rule twice', { rules: [rule(), rule()] }, /\/rules\/1\/id: "r" is used twice/],
  ])('that %s is refused with the place', (_what, content, message) => {
    expect(() => loadRules(file(content))).toThrow(message);
  });

  it('lists all its problems at once', () => {
    const content = { rules: [rule({ when: 'light <' }), rule({ id: 's', when: '1 + 1' })] };
    expect(() => loadRules(file(content))).toThrow(/\/rules\/0\/when[\s\S]*\/rules\/1\/when/);
  });

  it('that is missing is told by its path', () => {
    expect(() => loadRules(join(folder, 'nowhere.json'))).toThrow(/nowhere[.]json is invalid\n {2}ENOENT/);
  });
});
