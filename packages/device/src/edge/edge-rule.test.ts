// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { jest } from '@jest/globals';
import type { Action } from '@lamplighter/contracts/commands/command';
import { parseEdgeReport } from '@lamplighter/contracts/edge/edge';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import type { DeviceEvent } from '../device-event.js';
import { MemoryStorage } from '../storage/storage.js';
import type { Measurements } from '../telemetry/reading-count.js';
import { EdgeRule } from './edge-rule.js';

const NOW = 1_800_000_000_000;
const NIGHT_LIGHT: RuleInput = {
  id: 'night-light',
  when: 'light < 300',
  clear: 'light > 330',
  then: { led_on: true },
  else: { led_on: false },
};
const ruleAction = (rule: RuleInput, version = 1): Action => ({
  edge_rule: { version, since: version, rule: ruleSchema.parse(rule) },
});

/** A command id as the server creates it at this time. */
function commandId(at: number): string {
  let digits = '';
  for (let rest = at; digits.length < 10; rest = Math.floor(rest / 32))
    digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[rest % 32] + digits;
  return `${digits}T5V6W7X8Y9ZABCDE-17`;
}

interface Given {
  rule?: RuleInput | undefined;
  storage?: MemoryStorage;
  keeps?: boolean;
}

/** A device with an edge rule and a fake clock. */
function edgeWith({ rule = NIGHT_LIGHT, storage = new MemoryStorage(), keeps = false }: Given = {}) {
  const acts: Action[] = [];
  const events: DeviceEvent[] = [];
  const edge = new EdgeRule({
    fleet: 'demo',
    device: 'lamp-1',
    execute: (action) => void acts.push(action),
    afterMs: 10_000,
    awaitsReceipt: keeps,
    clock: Date.now,
    now: Date.now,
    storage,
    onEvent: (event) => events.push(event),
  });
  if (storage.get('edge:rule') === undefined) edge.install(ruleAction(rule));
  let seq = 0;
  /** Takes a reading as the device does; returns the report in it. */
  const read = async (measurements: Measurements) => {
    edge.onReading(measurements);
    // As it is sent.
    const sent = JSON.stringify(edge.report(measurements));
    const raw: unknown = sent === undefined ? undefined : JSON.parse(sent);
    seq += 1;
    edge.onConnectionChange({ event: 'taken', seq, n: seq });
    await jest.advanceTimersByTimeAsync(0);
    return { seq, raw, report: parseEdgeReport(raw) };
  };
  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);
  /** Takes the link down for long enough that the edge rule takes over. */
  const goDown = async () => {
    edge.onOffline();
    await pass(10_001);
  };
  return { edge, acts, events, storage, read, pass, goDown };
}

beforeEach(() => {
  jest.useFakeTimers({ now: NOW, doNotFake: ['setImmediate', 'nextTick'] });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('EdgeRule', () => {
  it('does nothing while the link is up or briefly interrupted', async () => {
    const { edge, acts, read, pass } = edgeWith();
    await read({ light: 100 });
    edge.onOffline();
    await pass(9000);
    await read({ light: 100 });
    edge.onOnline();
    await pass(60_000);
    await read({ light: 100 });
    expect(acts).toEqual([]);
  });

  it('decides while the link is down, with hysteresis, once per verdict', async () => {
    const { acts, read, goDown } = edgeWith();
    await goDown();
    for (const light of [500, 299, 310, 200, 329, 331, 305]) await read({ light });
    expect(acts).toEqual([{ led_on: false }, { led_on: true }, { led_on: false }]);
  });

  it('resumes from the last command of the server', async () => {
    const { edge, acts, read, goDown } = edgeWith();
    edge.onServerCommand({ led_on: true }, undefined);
    await goDown();
    await read({ light: 315, led_on: true });
    expect(acts).toEqual([]);
    await read({ light: 400, led_on: true });
    expect(acts).toEqual([{ led_on: false }]);
  });

  it('rejects a command that the server created before the last decision', async () => {
    const { edge, acts, read, goDown, pass } = edgeWith();
    const envelope = (at: number) => ({
      id: commandId(at),
      lane: 'led_on',
      seq: 1,
      attempt: 1,
      expiresAt: 0,
    });
    const before = Date.now();
    await goDown();
    await read({ light: 500 });
    expect(acts).toEqual([{ led_on: false }]);
    edge.onOnline();
    await pass(60_000);
    expect(() => edge.onServerCommand({ led_on: true }, envelope(before))).toThrow(/overtaken/);
    expect(() =>
      edge.onServerCommand({ led_on: true }, { ...envelope(before), lane: 'other' }),
    ).not.toThrow();
    expect(() => edge.onServerCommand({ led_on: true }, envelope(Date.now()))).not.toThrow();
  });

  it('evaluates the last reading when it takes over, if that is fresh', async () => {
    const { edge, acts, read, pass } = edgeWith();
    edge.onOffline();
    await pass(5000);
    await read({ light: 100 });
    await pass(5001);
    expect(acts).toEqual([{ led_on: true }]);
  });

  it('keeps its state across a restart without triggering', async () => {
    const first = edgeWith();
    await first.goDown();
    await first.read({ light: 100 });
    first.edge.close();
    const second = edgeWith({ storage: first.storage });
    await second.goDown();
    await second.read({ light: 310, led_on: true });
    expect(second.acts).toEqual([]);
    await second.read({ light: 400, led_on: true });
    expect(second.acts).toEqual([{ led_on: false }]);
  });

  it('ends a hold by timer', async () => {
    const { acts, read, pass, goDown } = edgeWith({ rule: { ...NIGHT_LIGHT, hold: '5s' } });
    await goDown();
    await read({ light: 500 });
    await pass(6000);
    await read({ light: 100 });
    expect(acts).toEqual([{ led_on: false }]);
    await pass(5001);
    expect(acts).toEqual([{ led_on: false }, { led_on: true }]);
  });

  const PUMP: RuleInput = {
    id: 'pump',
    when: 'dry > 50',
    run: { seconds: 'dry', max: '60s' },
    then: { pump: true },
    else: { pump: false },
  };

  it('ends a run that it started, even after the link is back', async () => {
    const { edge, acts, read, pass, goDown } = edgeWith({ rule: PUMP });
    await goDown();
    await read({ dry: 55 });
    expect(acts.at(-1)).toEqual({ pump: true });
    edge.onOnline();
    await pass(56_000);
    expect(acts.at(-1)).toEqual({ pump: false });
  });

  it('ends a run of the server while the link is down', async () => {
    const { edge, acts, read, pass } = edgeWith({ rule: PUMP });
    await read({ dry: 55 });
    edge.onServerCommand({ pump: true }, undefined);
    edge.onOffline();
    await pass(54_000);
    expect(acts).toEqual([]);
    await pass(2000);
    expect(acts).toEqual([{ pump: false }]);
  });

  it('leaves a run of the server to the server while the link is up', async () => {
    const { edge, acts, read, pass } = edgeWith({ rule: PUMP });
    await read({ dry: 55 });
    edge.onServerCommand({ pump: true }, undefined);
    await pass(120_000);
    expect(acts).toEqual([]);
  });

  it('evaluates windows over its own readings', async () => {
    const rule = { ...NIGHT_LIGHT, when: 'window.avg("light", "1m") < 300', clear: undefined };
    const { acts, read, goDown } = edgeWith({ rule: JSON.parse(JSON.stringify(rule)) as RuleInput });
    await goDown();
    await read({ light: 500 });
    await read({ light: 200 });
    await read({ light: 100 });
    expect(acts).toEqual([{ led_on: false }, { led_on: true }]);
  });

  it('evaluates a quorum rule with the vote or value of the device', async () => {
    const all = { scope: { devices: ['lamp-1', 'lamp-2', 'lamp-3'] } };
    const counting = edgeWith({ rule: { ...NIGHT_LIGHT, ...all, quorum: { policy: 'majority' } } });
    await counting.goDown();
    await counting.read({ light: 100 });
    expect(counting.acts).toEqual([{ led_on: true }]);
    const measuring = edgeWith({
      rule: {
        ...NIGHT_LIGHT,
        ...all,
        when: 'value < 300',
        clear: 'value > 330',
        quorum: { policy: 'median', of: 'light' },
      },
    });
    await measuring.goDown();
    const { report } = await measuring.read({ light: 100 });
    expect(measuring.acts).toEqual([{ led_on: true }]);
    // The state of a quorum belongs to the group, so the server does not resume from the state of one sensor.
    expect(report).toBeUndefined();
  });

  it('decides nothing after it is disabled or removed', async () => {
    const { edge, acts, read, goDown, storage } = edgeWith({ rule: { ...NIGHT_LIGHT, enabled: false } });
    await goDown();
    await read({ light: 100 });
    expect(edge.install({ edge_rule: null })).toEqual({ edge_rule: null });
    await read({ light: 100 });
    expect([acts, [...storage.entries()]]).toEqual([[], [['edge:rule', '']]]);
  });

  it.each<[what: string, action: Action, reason: RegExp]>([
    ['a number', { edge_rule: 5 }, /expected object/],
    ['an invalid rule', { edge_rule: { version: 1, since: 1, rule: { id: 'x' } } }, /^\/rule\/then/],
    ['an expression that does not compile', ruleAction({ ...NIGHT_LIGHT, when: 'light <' }), /./],
    [
      'a rule for other devices',
      ruleAction({ ...NIGHT_LIGHT, scope: { devices: ['hall'] } }),
      /does not apply to this device/,
    ],
    ['other keys', { ...ruleAction(NIGHT_LIGHT), led_on: true }, /must be the only key/],
  ])('rejects %s and keeps the installed rule', (_what, action, reason) => {
    const { edge, storage } = edgeWith();
    const before = storage.get('edge:rule');
    expect(() => edge.install(action)).toThrow(reason);
    expect(storage.get('edge:rule')).toBe(before);
  });
});

describe('reports of EdgeRule', () => {
  it('reports decisions and their evidence with the first reading after the reconnect', async () => {
    const { edge, read, goDown, storage } = edgeWith();
    await goDown();
    const { seq, report: offline } = await read({ light: 100, hum: 3 });
    expect(offline).toMatchObject({ rule: 'night-light', decisions: [], state: { raised: true, since: 1 } });
    edge.onOnline();
    const { seq: carrier, report } = await read({ light: 90 });
    expect(report).toMatchObject({ rule: 'night-light', dropped: 0, state: { raised: true } });
    expect(report!.decisions).toEqual([
      {
        id: expect.any(Number),
        rule: 'night-light',
        version: 1,
        raise: true,
        reason: 'first',
        action: { led_on: true },
        status: 'succeeded',
        seq,
        now: expect.any(Number),
        trigger: 'reading',
        because: { reading: { light: 100 }, ageMs: 0, heardAt: expect.any(Number) },
      },
    ]);
    // In flight, so it is not sent again.
    expect((await read({ light: 80 })).report!.decisions).toEqual([]);
    edge.onConnectionChange({ event: 'settled', seqs: [carrier], outcome: 'acknowledged' });
    expect((await read({ light: 80 })).report).toBeUndefined();
    expect([...storage.entries()].filter(([key]) => key.includes('decision'))).toEqual([]);
  });

  it('repeats a report after a restart, and if its reading was lost', async () => {
    const { edge, read, goDown, storage } = edgeWith();
    await goDown();
    await read({ light: 100 });
    edge.onOnline();
    const first = await read({ light: 90 });
    edge.onConnectionChange({ event: 'settled', seqs: [first.seq], outcome: 'unknown' });
    const second = await read({ light: 90 });
    expect(second.report!.decisions).toEqual(first.report!.decisions);
    const next = edgeWith({ storage });
    expect((await next.read({ light: 90 })).report!.decisions).toEqual(first.report!.decisions);
  });

  it('removes a report with the receipt if the device keeps its readings', async () => {
    const { edge, read, goDown } = edgeWith({ keeps: true });
    await goDown();
    await read({ light: 100 });
    edge.onOnline();
    const { seq } = await read({ light: 90 });
    edge.onConnectionChange({ event: 'settled', seqs: [seq], outcome: 'acknowledged' });
    expect(edge.unreported.size).toBe(1);
    edge.onConnectionChange({ event: 'receipt', stored: [seq], refused: [] });
    expect(edge.unreported.size).toBe(0);
  });

  it('drops and counts the oldest decisions, and limits the number per reading', async () => {
    const { edge, read, goDown, pass } = edgeWith();
    await goDown();
    for (let i = 0; i < 105; i += 1) {
      await read({ light: i % 2 === 0 ? 100 : 500 });
      await pass(1000);
    }
    expect(edge.unreported.size).toBe(100);
    edge.onOnline();
    const { report, seq } = await read({ light: 1, text: 'x'.repeat(12_000) });
    expect(report).toMatchObject({ dropped: 5 });
    expect(report!.decisions.length).toBeGreaterThan(2);
    expect(report!.decisions.length).toBeLessThan(9);
    edge.onConnectionChange({ event: 'settled', seqs: [seq], outcome: 'acknowledged' });
    expect((await read({ light: 1 })).report!.decisions).toHaveLength(8);
  });

  it('omits the state after a command of the server', async () => {
    const { edge, read, goDown } = edgeWith();
    await goDown();
    await read({ light: 100 });
    edge.onOnline();
    edge.onServerCommand({ led_on: false }, undefined);
    const { report } = await read({ light: 90 });
    expect([report!.state, report!.decisions.length]).toEqual([undefined, 1]);
  });
});
