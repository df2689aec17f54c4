import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const HOUR = 3_600_000;
let births = 0;

async function newLamp(): Promise<TestDevice> {
  return connectDevice(await stack.broker.newFleet());
}

/** Publishes a birth; settles when it is stored. */
async function announce(lamp: TestDevice, birth: object): Promise<void> {
  const storedBirths = () => stack.metric('lamplighter_presence_messages_total', { result: 'born' });
  const before = await storedBirths();
  const topic = `${lamp.fleet}/presence/${lamp.device}`;
  await lamp.publish(topic, { online: true, ...birth }, { retain: true });
  births += 1;
  await until(async () => (await storedBirths()) > before, { what: `birth ${births} to be stored` });
}

/** Waits longer than a lease: the lamp does not acknowledge, so its next command waits for the end of the previous one. */
const isOn = async (lamp: TestDevice) => (await lamp.nextCommand(15_000)).led_on;
const resource = (lamp: TestDevice, rest = '') =>
  stack.get(`/v1/fleets/${lamp.fleet}/devices/${lamp.device}${rest}`);

describe('the readings of a device count', () => {
  it('after its counter restarts in a new session', async () => {
    const lamp = await newLamp();
    await announce(lamp, { session: 1, telemetry: 'keep' });
    await lamp.sendReading({ light: 900, _seq: 1000 });
    expect(await isOn(lamp)).toBe(false);
    await announce(lamp, { session: 2, telemetry: 'keep' });
    for (const seq of [1, 2, 3]) await lamp.sendReading({ light: 100, _seq: seq });
    expect(await isOn(lamp)).toBe(true);
    const why = await resource(lamp, '/why-not?rule=night-light');
    expect(why.body.last.measurements).toEqual({ light: 100 });
    expect((await resource(lamp)).body.order).toMatchObject({ restarts: 1, sentences: [] });
  });

  it.each<[what: string, before: object, after: object[]]>([
    ['after its counter restarts', { _seq: 1000 }, [{ _seq: 1 }, { _seq: 2 }, { _seq: 3 }]],
    ['after its counter wraps', { _seq: 65_535 }, [{ _seq: 0 }, { _seq: 1 }, { _seq: 2 }]],
    ['after the largest number', { _seq: Number.MAX_SAFE_INTEGER }, [{ _seq: 8 }, { _seq: 9 }, { _seq: 10 }]],
  ])('%s', async (_what, before, after) => {
    const lamp = await newLamp();
    await lamp.sendReading({ light: 900, ...before });
    expect(await isOn(lamp)).toBe(false);
    for (const numbers of after) await lamp.sendReading({ light: 100, ...numbers });
    expect(await isOn(lamp)).toBe(true);
  });

  it.each<[what: string, before: (now: number) => object, after: (now: number) => object]>([
    ['after its clock was ahead', (now) => ({ _at: now + 240_000 }), (now) => ({ _at: now })],
    [
      'after its clock was ahead and was the source of its sequence',
      (now) => ({ _at: now + 240_000, _seq: (now + 240_000) * 1000 }),
      (now) => ({ _at: now, _seq: now * 1000 }),
    ],
    [
      'after a second program has sent the largest number for it',
      (now) => ({ _at: now, _seq: Number.MAX_SAFE_INTEGER }),
      (now) => ({ _at: now, _seq: 7 }),
    ],
  ])('%s, from the next reading on', async (_what, before, after) => {
    const lamp = await newLamp();
    await lamp.sendReading({ light: 900, ...before(Date.now()) });
    expect(await isOn(lamp)).toBe(false);
    await lamp.sendReading({ light: 100, ...after(Date.now()) });
    expect(await isOn(lamp)).toBe(true);
  });
});

describe('history', () => {
  it('includes a reading whose device clock is two hours behind, with the reason', async () => {
    const lamp = await newLamp();
    await lamp.sendReading({ light: 100, _at: Date.now() - 2 * HOUR });
    await until(async () => (await resource(lamp)).body.last?.measurements.light === 100, {
      what: 'the reading to be stored',
    });
    const { body } = await resource(lamp);
    expect(body.last).toMatchObject({ history: true, why: 'stale' });
    expect(body.order.sentences).toEqual([expect.stringMatching(/^the clock of lamp-0001 is 2 h behind/)]);
    expect(body.order.clockBehindMs).toBeGreaterThan(2 * HOUR - 60_000);
    const why = await resource(lamp, '/why-not?rule=night-light');
    expect(why.body.sentences.join('\n')).toMatch(/is 2 h behind/);
    const stale = () => stack.metric('lamplighter_telemetry_unjudged_total', { reason: 'stale' });
    await until(async () => (await stale()) > 0, { what: 'the stale reading to be counted' });
    await lamp.sendReading({ light: 101, _at: Date.now() });
    expect(await isOn(lamp)).toBe(true);
    expect(lamp.commands()).toHaveLength(1);
  });

  it('includes late and replayed readings, with the reason', async () => {
    const lamp = await newLamp();
    const now = Date.now();
    await lamp.sendReading({ light: 900, _seq: 7, _at: now });
    expect(await isOn(lamp)).toBe(false);
    await lamp.sendReading({ light: 100, _seq: 6, _at: now - 1000 });
    const readings = async () => (await resource(lamp, '/telemetry')).body.readings;
    await until(async () => (await readings()).length === 2, { what: 'both readings to be stored' });
    expect(await readings()).toMatchObject([{ late: false }, { late: true, history: true, why: 'late' }]);
    expect((await resource(lamp)).body.order).toMatchObject({
      late: 1,
      sentences: [expect.stringMatching(/was late: its _seq or _at is not greater than .*_seq 7/)],
    });
    await lamp.sendReading([
      { light: 800, _seq: 8, _at: now },
      { light: 801, _seq: 9, _at: now },
    ]);
    await until(async () => (await readings()).length === 4, { what: 'the replay to be stored' });
    expect((await readings())[1]).toMatchObject({ late: false, history: true, why: 'replayed' });
    expect((await readings())[0]).not.toHaveProperty('history');
  });

  it('stores equal readings without a sequence number once', async () => {
    const lamp = await newLamp();
    const at = Date.now();
    const [one, other] = [
      { light: 100, _at: at },
      { light: 101, _at: at },
    ];
    await lamp.sendReading(one);
    await lamp.publish(`${lamp.fleet}/telemetry/${lamp.device}`, `{"light": 100, "_at": ${at}}`);
    await lamp.sendReading([one, other, one]);
    await lamp.sendReading({ light: 900, _at: at + 1 });
    await lamp.sendReading(other);
    await until(async () => (await resource(lamp)).body.order?.duplicate === 4, {
      what: 'four duplicates to be counted',
    });
    const { readings } = (await resource(lamp, '/telemetry')).body;
    const lights = readings.map((reading: { measurements: { light: number } }) => reading.measurements.light);
    expect(lights).toEqual([900, 101, 100]);
  });
});
