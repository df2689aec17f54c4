import type { EdgeDecision } from '@lamplighter/contracts/edge/edge';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { repairClockStep } from '../clock/clock-step.js';
import { edgeDueKey } from '../keys.js';
import { claimUnjudgedDevices, readDecisions, recordJudgements, reportDecisions } from './edge.js';
import {
  confirmEdgeRules,
  type EdgeDevice,
  readEdgeSetting,
  recordSentRule,
  setEdgeRule,
  walkEdgeDevices,
} from './edge-settings.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore();
});

const decision = (id: number): EdgeDecision => ({
  id,
  rule: 'night-light',
  version: 1,
  raise: true,
  reason: 'change',
  now: id,
  trigger: 'reading',
});
const judgement = { judgement: 'agrees', at: 5, sentences: ['so'] } as const;
const report = (device: ReturnType<StoreUnderTest['newDevice']>, ids: number[], afterMs = 0, dropped = 0) =>
  reportDecisions(store.redis, device, { decisions: ids.map(decision), dropped }, afterMs);
const ids = async (device: ReturnType<StoreUnderTest['newDevice']>) =>
  (await readDecisions(store.redis, device)).decisions.map((kept) => kept.decision.id);

describe('edge decisions', () => {
  it('are stored once, newest first, up to 100', async () => {
    const lamp = store.newDevice();
    await report(lamp, [3, 1]);
    await report(lamp, [1, 2], 0, 4);
    const { decisions, dropped } = await readDecisions(store.redis, lamp);
    expect(decisions.map((kept) => kept.decision)).toEqual([3, 2, 1].map(decision));
    expect(dropped).toBe(4);
    await recordJudgements(store.redis, lamp, [[1, judgement]], 0);
    await report(
      lamp,
      Array.from({ length: 100 }, (_, i) => i + 3),
    );
    expect(await ids(lamp)).toEqual(Array.from({ length: 100 }, (_, i) => 102 - i));
    await store.redis.del(edgeDueKey(lamp.shard));
  });

  it('do not wait for a clock that went backwards', async () => {
    const lamp = store.newDevice();
    const due = async () => Number(await store.redis.zscore(edgeDueKey(lamp.shard), lamp.name));
    await report(lamp, [1], 9_000_000);
    await report(lamp, [2], 60_000);
    expect(await due()).toBeLessThan(Date.now() + 61_000);
    await repairClockStep(store.redis, { minWaitMs: 5000, wasSeen: true });
    expect(await due()).toBeLessThanOrEqual(Date.now());
    await store.redis.del(edgeDueKey(lamp.shard));
  });

  it('are claimed when they are due, and get one judgement each', async () => {
    const [lamp, later] = [store.newDevice(), store.newDevice()];
    await report(lamp, [1, 2]);
    await report(later, [1], 60_000);
    const { fleet, device } = lamp;
    expect((await claimUnjudgedDevices(store.redis, 9)).devices).toEqual([{ fleet, device }]);
    expect((await claimUnjudgedDevices(store.redis, 9)).devices).toEqual([]);
    expect(await recordJudgements(store.redis, lamp, [[1, judgement]], 0)).toEqual([judgement]);
    // One is open, so the device becomes due again.
    expect((await claimUnjudgedDevices(store.redis, 9)).devices).toEqual([{ fleet, device }]);
    const both = [1, 2, 3].map((id) => [id, { ...judgement, judgement: 'disagrees' }] as const);
    expect(await recordJudgements(store.redis, lamp, both, 0)).toHaveLength(1);
    expect(
      (await readDecisions(store.redis, lamp)).decisions.map((kept) => kept.judgement?.judgement),
    ).toEqual(['disagrees', 'agrees']);
    expect(await store.redis.zscore(edgeDueKey(lamp.shard), lamp.name)).toBeNull();
  });
});

it('reads the edge rule that was set, the version that was sent, and the version that the device confirmed', async () => {
  const lamp = store.newDevice();
  const { fleet, device } = lamp;
  const setting = () => readEdgeSetting(store.redis, fleet, device);
  const walked = async () => {
    const all: EdgeDevice[] = [];
    for await (const some of walkEdgeDevices(store.redis)) all.push(...some);
    return all.filter((one) => one.fleet === fleet);
  };
  expect(await setting()).toEqual({});
  const sent = 'night-light@3';
  await setEdgeRule(store.redis, fleet, device, { rule: 'night-light', sent });
  expect(await setting()).toEqual({ rule: 'night-light', sent });
  expect(await walked()).toEqual([{ fleet, device, rule: 'night-light', sent, confirmed: null }]);
  await confirmEdgeRules(store.redis, [{ fleet, device, confirmed: sent, seq: 7 }]);
  await recordSentRule(store.redis, fleet, device, 'night-light@4');
  expect(await setting()).toEqual({ rule: 'night-light', sent: 'night-light@4', confirmed: sent });
  await setEdgeRule(store.redis, fleet, device, { rule: null, sent: null });
  expect(await setting()).toEqual({ rule: null, sent: null, confirmed: sent });
  expect(await walked()).toEqual([]);
});

it('ignores a repeated confirmation of an older edge rule', async () => {
  const { fleet, device } = store.newDevice();
  const confirm = (confirmed: string | null, seq: number) =>
    confirmEdgeRules(store.redis, [{ fleet, device, confirmed, seq }]);
  await confirm('fan@1', 7);
  await confirm(null, 8);
  await confirm('fan@1', 7);
  expect(await readEdgeSetting(store.redis, fleet, device)).toEqual({ confirmed: null });
  await confirm('fan@2', 9);
  expect(await readEdgeSetting(store.redis, fleet, device)).toEqual({ confirmed: 'fan@2' });
});
