// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import { type Rule, type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { ruleReleasesKey, rulesKey, ruleVersionsKey } from '../keys.js';
import { readRuleErrors, recordRuleErrors } from './rule-errors.js';
import { parseRelease } from './rule-releases.js';
import { listVersions, readVersion } from './rule-versions.js';
import {
  deleteRule,
  listRules,
  RULE_VERSIONS_KEPT,
  readRevisions,
  readRule,
  readRules,
  readRulesOff,
  readWrites,
  type StoredRule,
  seedRules,
  switchRules,
  writeRule,
} from './rules.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

const rule = (id = 'night-light', changes: Partial<RuleInput> = {}): Rule =>
  ruleSchema.parse({ id, when: 'light < 300', then: { led_on: true }, ...changes });

/** Writes a rule, and expects success. */
async function written(fleet: string, document: Rule, expected: number | 'absent'): Promise<StoredRule> {
  const result = await writeRule(store.redis, fleet, document, expected);
  if (result.outcome !== 'written') throw new Error(JSON.stringify(result));
  return result.stored;
}

describe('a rule', () => {
  it('is read as written, and each write is a version', async () => {
    const fleet = store.newFleet();
    const first = await written(fleet, rule(), 'absent');
    expect(first).toEqual({ id: 'night-light', version: 1, since: 1, at: expect.any(Number), rule: rule() });
    expect(await readRule(store.redis, fleet, 'night-light')).toEqual(first);
    const changed = rule('night-light', { when: 'light < 200' });
    const second = await written(fleet, changed, 1);
    expect(second).toMatchObject({ version: 2, rule: changed });
    expect(await readRule(store.redis, fleet, 'night-light')).toEqual(second);
    expect(await listVersions(store.redis, fleet, 'night-light')).toEqual([second, first]);
    expect(await readVersion(store.redis, fleet, 'night-light', 1)).toEqual(first);
    expect(await readVersion(store.redis, fleet, 'night-light', 3)).toBeUndefined();
  });

  it('is replaced only with its current version', async () => {
    const fleet = store.newFleet();
    expect(await writeRule(store.redis, fleet, rule(), 1)).toEqual({ outcome: 'missing' });
    await written(fleet, rule(), 'absent');
    await written(fleet, rule('night-light', { when: 'light < 200' }), 1);
    const late = rule('night-light', { when: 'light < 100' });
    for (const expected of [1, 3, 0, -1])
      expect(await writeRule(store.redis, fleet, late, expected)).toEqual({ outcome: 'changed', version: 2 });
    expect(await writeRule(store.redis, fleet, late, 'absent')).toEqual({ outcome: 'exists', version: 2 });
    expect(await readRule(store.redis, fleet, 'night-light')).toMatchObject({ version: 2 });
  });

  it('is written once when a write whose reply was lost is repeated', async () => {
    const fleet = store.newFleet();
    await written(fleet, rule(), 'absent');
    const changed = rule('night-light', { when: 'light < 200' });
    const first = await written(fleet, changed, 1);
    const writes = await readWrites(store.redis);
    expect(await written(fleet, changed, 1)).toEqual(first);
    expect(await readWrites(store.redis)).toBe(writes);
    expect(await listVersions(store.redis, fleet, 'night-light')).toHaveLength(2);
  });

  it('is written by the first of two concurrent writers', async () => {
    const fleet = store.newFleet();
    await written(fleet, rule(), 'absent');
    const outcomes = await Promise.all(
      [100, 200, 300].map((limit) =>
        writeRule(store.redis, fleet, rule('night-light', { when: `light < ${limit} ` }), 1),
      ),
    );
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['changed', 'changed', 'written']);
  });

  it('keeps its states unless its evaluation or its commands change', async () => {
    const fleet = store.newFleet();
    await written(fleet, rule(), 'absent');
    expect(await written(fleet, rule('night-light', { description: 'on at night' }), 1)).toMatchObject({
      version: 2,
      since: 1,
    });
    const darker = { when: 'light < 200' };
    const since = (await written(fleet, rule('night-light', darker), 2)).since;
    expect(since).not.toBe(1);
    expect(await written(fleet, rule('night-light', { ...darker, enabled: false }), 3)).toMatchObject({
      since,
    });
    expect((await written(fleet, rule('night-light', darker), 4)).since).not.toBe(since);
  });

  it('continues its version numbers after a deletion, without its states', async () => {
    const fleet = store.newFleet();
    const { since } = await written(fleet, rule(), 'absent');
    expect(await deleteRule(store.redis, fleet, 'night-light', 2)).toEqual({
      outcome: 'changed',
      version: 1,
    });
    expect(await deleteRule(store.redis, fleet, 'night-light', 1)).toEqual({
      outcome: 'deleted',
      version: 2,
    });
    expect(await deleteRule(store.redis, fleet, 'night-light', 1)).toEqual({ outcome: 'missing' });
    expect(await readRule(store.redis, fleet, 'night-light')).toBeUndefined();
    const kept = ruleVersionsKey(fleet, 'night-light');
    expect(await store.redis.ttl(kept)).toBeGreaterThan(29 * 24 * 3600);
    const again = await written(fleet, rule(), 'absent');
    expect(again.version).toBe(3);
    expect(again.since).not.toBe(since);
    expect(await store.redis.ttl(kept)).toBe(-1);
    expect(await listVersions(store.redis, fleet, 'night-light')).toMatchObject([
      { version: 3 },
      { version: 2, deleted: true, at: expect.any(Number) },
      { version: 1 },
    ]);
  });

  it('starts from version 1 when the versions of a deleted rule have expired', async () => {
    const fleet = store.newFleet();
    const { since } = await written(fleet, rule(), 'absent');
    await deleteRule(store.redis, fleet, 'night-light', 1);
    await store.redis.del(ruleVersionsKey(fleet, 'night-light'));
    const again = await written(fleet, rule(), 'absent');
    expect([again.version, again.since === since]).toEqual([1, false]);
  });

  it('keeps its latest versions', async () => {
    const fleet = store.newFleet();
    await written(fleet, rule(), 'absent');
    for (let version = 1; version < RULE_VERSIONS_KEPT + 5; version += 1)
      await written(fleet, rule('night-light', { when: `light < ${version}` }), version);
    const versions = await listVersions(store.redis, fleet, 'night-light');
    expect(versions.map(({ version }) => version)).toEqual(
      Array.from({ length: RULE_VERSIONS_KEPT }, (_, i) => RULE_VERSIONS_KEPT + 5 - i),
    );
  });
});

describe('the rules of a fleet', () => {
  it('are listed by id, page by page', async () => {
    const fleet = store.newFleet();
    for (const id of ['c', 'a', 'b']) await written(fleet, rule(id), 'absent');
    const first = await listRules(store.redis, fleet, { limit: 2 });
    expect([first.rules.map(({ id }) => id), first.next]).toEqual([['a', 'b'], 'b']);
    const second = await listRules(store.redis, fleet, { limit: 2, after: 'b' });
    expect([second.rules.map(({ id }) => id), second.next]).toEqual([['c'], undefined]);
    expect(await listRules(store.redis, store.newFleet(), { limit: 2 })).toEqual({ rules: [] });
  });

  it('are limited, and existing ones can still be written', async () => {
    const fleet = store.newFleet();
    const fill = Array.from({ length: RULE_BOUNDS.maxRules - 1 }, (_, i) => [`r${i}`, '{}']).flat();
    await store.redis.hset(rulesKey(fleet), ...fill);
    await written(fleet, rule('last'), 'absent');
    expect(await writeRule(store.redis, fleet, rule('more'), 'absent')).toEqual({ outcome: 'full' });
    await written(fleet, rule('last', { when: 'light < 1' }), 1);
  });

  it('have a revision that every write increments', async () => {
    const [fleet, other] = [store.newFleet(), store.newFleet()];
    const revision = async () => (await readRevisions(store.redis)).get(fleet);
    expect(await revision()).toBeUndefined();
    await written(fleet, rule(), 'absent');
    await written(fleet, rule('night-light', { description: 'x' }), 1);
    expect(await revision()).toBe(2);
    const writes = await readWrites(store.redis);
    await written(other, rule(), 'absent');
    expect(await revision()).toBe(2);
    expect(Number(await readWrites(store.redis))).toBe(Number(writes) + 1);
    await deleteRule(store.redis, fleet, 'night-light', 2);
    expect(await readRules(store.redis, fleet)).toMatchObject({ revision: 3, texts: {} });
    expect((await readRevisions(store.redis)).has('*')).toBe(false);
  });
});

describe('seed rules', () => {
  it('are written once, and deleted ones do not return', async () => {
    const fleet = store.newFleet();
    expect(await seedRules(store.redis, fleet, [rule('a'), rule('b')])).toBe(true);
    expect((await listRules(store.redis, fleet, { limit: 9 })).rules).toMatchObject([
      { id: 'a', version: 1, since: 1, rule: rule('a') },
      { id: 'b', version: 1 },
    ]);
    expect(await listVersions(store.redis, fleet, 'b')).toMatchObject([{ version: 1 }]);
    await deleteRule(store.redis, fleet, 'a', 1);
    expect(await seedRules(store.redis, fleet, [rule('a'), rule('b')])).toBe(false);
    expect((await listRules(store.redis, fleet, { limit: 9 })).rules).toMatchObject([{ id: 'b' }]);
  });

  it('are not written to a fleet whose rules were written before, even if it has none', async () => {
    const [fleet, other] = [store.newFleet(), store.newFleet()];
    await written(fleet, rule('own'), 'absent');
    expect(await seedRules(store.redis, fleet, [rule('a')])).toBe(false);
    expect(await seedRules(store.redis, other, [])).toBe(true);
    expect(await seedRules(store.redis, other, [rule('a')])).toBe(false);
    expect(await readRules(store.redis, other)).toMatchObject({ revision: 1, texts: {} });
  });
});

describe('an unreadable rule', () => {
  it.each<[what: string, text: string, version: number]>([
    ['not JSON', 'what?', 0],
    ['truncated', '{"version":3,"since":1,"at":1,"rule":{"id":"ni}', 3],
    ['another rule', `{"version":3,"since":1,"at":1,"rule":${JSON.stringify(rule('other'))}}`, 3],
    ['not a rule', '{"version":3,"since":1,"at":1,"rule":{"id":"night-light"}}', 3],
    ['without a version', `{"rule":${JSON.stringify(rule())}}`, 0],
    ['empty', '', 0],
  ])('(%s) is returned as unreadable, and can be replaced and deleted', async (_what, text, version) => {
    const fleet = store.newFleet();
    await written(fleet, rule('fine'), 'absent');
    const breakIt = () => store.redis.hset(rulesKey(fleet), 'night-light', text);
    await breakIt();
    const broken = { id: 'night-light', version, unreadable: expect.stringContaining('stored record') };
    expect(await readRule(store.redis, fleet, 'night-light')).toEqual(broken);
    expect((await listRules(store.redis, fleet, { limit: 9 })).rules).toMatchObject([
      { id: 'fine', version: 1 },
      broken,
    ]);
    expect((await written(fleet, rule(), version)).version).toBeGreaterThan(version);
    await breakIt();
    expect(await deleteRule(store.redis, fleet, 'night-light', version)).toMatchObject({
      outcome: 'deleted',
    });
  });
});

describe('rule errors', () => {
  const failed = (version: number, count: number, message = 'divide by zero') =>
    new Map([['night-light', { version, count, at: 5, device: 'lamp-0001', message }]]);
  const record = (fleet: string, errors: ReturnType<typeof failed>) =>
    recordRuleErrors(store.redis, [{ fleet, errors }]);
  const read = async (fleet: string) =>
    (await readRuleErrors(store.redis, fleet, ['night-light', 'x'])).get('night-light');

  it('are stored as a count and the latest error', async () => {
    const fleet = store.newFleet();
    await written(fleet, rule(), 'absent');
    expect(await read(fleet)).toBeUndefined();
    await record(fleet, failed(1, 3));
    await record(fleet, failed(1, 2, 'm'.repeat(1000)));
    expect(await read(fleet)).toEqual({
      version: 1,
      count: 5,
      at: 5,
      device: 'lamp-0001',
      message: 'm'.repeat(500),
    });
  });

  it('are deleted with the version, and late ones are dropped', async () => {
    const fleet = store.newFleet();
    await written(fleet, rule(), 'absent');
    await record(fleet, failed(1, 3));
    await written(fleet, rule('night-light', { description: 'x' }), 1);
    expect(await read(fleet)).toBeUndefined();
    await record(fleet, failed(1, 1));
    expect(await read(fleet)).toBeUndefined();
    await record(fleet, failed(2, 1));
    expect(await read(fleet)).toMatchObject({ version: 2, count: 1 });
    await deleteRule(store.redis, fleet, 'night-light', 2);
    await record(fleet, failed(2, 1));
    expect(await read(fleet)).toBeUndefined();
  });

  it('are stored for an unreadable rule, too', async () => {
    const fleet = store.newFleet();
    await store.redis.hset(rulesKey(fleet), 'night-light', 'what?');
    await record(fleet, failed(0, 1));
    await record(fleet, failed(0, 1));
    expect(await read(fleet)).toMatchObject({ version: 0, count: 2 });
  });
});

describe('a release', () => {
  const released = async (fleet: string) => {
    const { releases } = await readRules(store.redis, fleet);
    return Object.entries(releases).map(([id, text]) => parseRelease(id, text));
  };

  it('is stored only if the write requests it, for the replaced version', async () => {
    const fleet = store.newFleet();
    const { since } = await written(fleet, rule(), 'absent');
    await written(fleet, rule('night-light', { when: 'light < 200' }), 1);
    expect(await released(fleet)).toEqual([]);
    await writeRule(store.redis, fleet, rule('night-light', { when: 'light < 9' }), 2, { release: true });
    expect(await released(fleet)).toMatchObject([
      { before: { version: 2, rule: { when: 'light < 200' } }, keptFor: undefined },
    ]);
    expect((await released(fleet))[0]!.before.since).toBeGreaterThan(since);
    await deleteRule(store.redis, fleet, 'night-light', 3, { release: true });
    expect(await released(fleet)).toMatchObject([{ before: { version: 3 }, keptFor: undefined }]);
    const ttl = await store.redis.ttl(ruleReleasesKey(fleet));
    expect(ttl).toBeGreaterThan(3500);
  });

  it('does not cover the devices that stay in a narrower scope', async () => {
    const fleet = store.newFleet();
    await written(fleet, rule(), 'absent');
    const narrow = rule('night-light', { scope: { devices: ['hall-*', 'lamp-1'] } });
    await writeRule(store.redis, fleet, narrow, 1, { release: true });
    expect(await released(fleet)).toMatchObject([{ before: { version: 1 }, keptFor: ['hall-*', 'lamp-1'] }]);
  });
});

describe('the rules of a fleet', () => {
  it('are switched off and on together, and start from scratch when they are on', async () => {
    const fleet = store.newFleet();
    const { since } = await written(fleet, rule(), 'absent');
    expect(await switchRules(store.redis, fleet, true)).toBe(false);
    expect(await switchRules(store.redis, fleet, false)).toBe(true);
    expect(await switchRules(store.redis, fleet, false)).toBe(false);
    expect(await readRules(store.redis, fleet)).toMatchObject({ revision: 2, isOff: true, releases: {} });
    expect(await readRulesOff(store.redis, fleet)).toBeGreaterThan(0);
    expect(await switchRules(store.redis, fleet, true)).toBe(true);
    expect(await readRulesOff(store.redis, fleet)).toBeUndefined();
    const stored = (await readRule(store.redis, fleet, 'night-light')) as StoredRule;
    expect(stored).toMatchObject({ version: 1, since: 3, rule: rule() });
    expect(stored.since).toBeGreaterThan(since);
  });

  it('are still seeded in a fleet that was switched off before its first reading', async () => {
    const fleet = store.newFleet();
    await switchRules(store.redis, fleet, false);
    expect(await seedRules(store.redis, fleet, [rule()])).toBe(true);
    expect(await readRules(store.redis, fleet)).toMatchObject({ isOff: true, revision: 1 });
  });
});
