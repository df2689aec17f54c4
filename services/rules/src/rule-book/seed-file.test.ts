import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSeeds, seedsOf } from './seed-file.js';

const folder = mkdtempSync(join(tmpdir(), 'rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown): string {
  const path = join(folder, 'rules.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
const rule = (more: object = {}) => ({ id: 'r', when: 'light < 300', then: { led_on: true }, ...more });

describe('readSeeds', () => {
  it('reads the built-in night-light rule for every fleet', () => {
    const seeds = readSeeds(fileURLToPath(new URL('../../rules/night-light.json', import.meta.url)));
    expect(seedsOf(seeds, 'demo')).toMatchObject([
      { id: 'night-light', when: 'light < 300', mode: 'change', scope: { devices: '*' } },
    ]);
  });

  it('gives each fleet the rules that name it, without the `fleets` key', () => {
    const seeds = readSeeds(
      file({
        rules: [rule({ fleets: ['home'] }), rule({ id: 's', fleets: ['home', 'work'] }), rule({ id: 't' })],
      }),
    );
    expect(seedsOf(seeds, 'home').map(({ id }) => id)).toEqual(['r', 's', 't']);
    expect(seedsOf(seeds, 'work').map(({ id }) => id)).toEqual(['s', 't']);
    expect(seedsOf(seeds, 'work')[0]).not.toHaveProperty('fleets');
  });

  it.each([
    ['invalid JSON', '{"rules": [', /invalid\n {2}.*JSON/],
    ['a missing list', {}, /\/rules: /],
    ['an unknown key', { rules: [rule({ holds: '2s' })] }, /\/rules\/0: .*holds/],
    ['a condition with a syntax error', { rules: [rule({ when: 'light <' })] }, /\/rules\/0\/when: /],
    [
      'an invalid time to live',
      { rules: [rule({ command: { ttl: 'soon' } })] },
      /\/rules\/0\/command\/ttl: must be a duration/,
    ],
    ['an action with a protocol key', { rules: [rule({ then: { _cmd: 1 } })] }, /\/rules\/0\/then/],
    ['a repeated id', { rules: [rule(), rule()] }, /\/rules\/1\/id: must be unique, but "r" is used twice/],
  ])('rejects %s and names its location', (_what, content, message) => {
    expect(() => readSeeds(file(content))).toThrow(message);
  });

  it('lists all problems', () => {
    const content = { rules: [rule({ when: 'light <' }), rule({ id: 's', when: '1 + 1' })] };
    expect(() => readSeeds(file(content))).toThrow(/\/rules\/0\/when[\s\S]*\/rules\/1\/when/);
  });

  it('names a missing file by its path', () => {
    expect(() => readSeeds(join(folder, 'nowhere.json'))).toThrow(/nowhere[.]json is invalid\n {2}ENOENT/);
  });
});
