import { type EvaluatedPart, emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import fc from 'fast-check';
import { DeviceModel } from '../../test/device-model.js';
import { expectConsistentQueue } from '../../test/expect-consistent-queue.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { readDevice, readWindow } from '../devices/devices.js';
import { WINDOW_SIZE } from '../keys.js';
import type { NewReading } from './reading-order.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

/** The store, and replicas that race for one device. `outboxes` holds parts in flight, and parts whose reply was lost. */
class Race {
  readonly lamp: DeviceAddress = store.newDevice();
  readonly replicas = [new Replica(store.redis), new Replica(store.redis)];
  readonly outboxes: EvaluatedPart[][] = [[], []];
  readonly taken = new Set<number>();

  evaluate(replica: number, readings: readonly NewReading[]): void {
    const part = this.replicas[replica]!.evaluate(this.lamp, readings, {
      rules: countEven,
      // Most readings arrive alone, without states or commands.
      commands: readings.some(({ seq }) => seq! % 5 === 0) ? [emitted(this.lamp)] : [],
    });
    this.outboxes[replica]!.push(part);
  }

  /** Sends a part; the replica gets the reply unless it is lost. */
  async deliver(replica: number, part: EvaluatedPart, isLost: boolean): Promise<string> {
    const [outcome] = await this.replicas[replica]!.send(part);
    if (isLost) return outcome!.kind;
    this.outboxes[replica] = this.outboxes[replica]!.filter((other) => other !== part);
    if (this.replicas[replica]!.adopt(this.lamp, outcome!)) this.evaluate(replica, part.readings);
    return outcome!.kind;
  }
}

/** Rule states that count the live readings with an even sequence: no state that a part was evaluated on can be lost or counted twice. */
function countEven(before: string, live: readonly NewReading[]): string {
  const even = live.filter(({ seq }) => seq! % 2 === 0).length;
  return even === 0 ? '' : JSON.stringify({ even: countOf(before) + even });
}
const countOf = (rules: string): number => (rules === '' ? 0 : (JSON.parse(rules) as { even: number }).even);

type Step = fc.AsyncCommand<DeviceModel, Race>;

class Take implements Step {
  constructor(
    readonly replica: number,
    readonly seqs: readonly number[],
  ) {}
  check = () => true;
  async run(_model: DeviceModel, race: Race): Promise<void> {
    for (const seq of this.seqs) race.taken.add(seq);
    race.evaluate(
      this.replica,
      this.seqs.map((seq) => reading({ light: seq, _seq: seq })),
    );
  }
  toString = () =>
    `replica ${this.replica} takes ${this.seqs.length > 9 ? `${this.seqs.length} from ${this.seqs[0]}` : this.seqs}`;
}

class Deliver implements Step {
  constructor(
    readonly replica: number,
    readonly newestFirst: boolean,
    readonly isLost: boolean,
  ) {}
  check = () => true;
  async run(model: DeviceModel, race: Race): Promise<void> {
    const part = race.outboxes[this.replica]!.at(this.newestFirst ? -1 : 0);
    if (part === undefined) return;
    const expected = model.accept(race.replicas[this.replica]!.name, part);
    expect([`part ${part.part}`, await race.deliver(this.replica, part, this.isLost)]).toEqual([
      `part ${part.part}`,
      expected,
    ]);
    await expectSameAsModel(race, model);
  }
  toString = () =>
    `replica ${this.replica} delivers its ${this.newestFirst ? 'newest' : 'oldest'} part${this.isLost ? ', and the reply is lost' : ''}`;
}

const entryText = ({ seq, late }: { seq?: number | undefined; late: boolean }) =>
  `${seq}${late ? ' late' : ''}`;

async function expectSameAsModel({ lamp }: Race, model: DeviceModel): Promise<void> {
  const device = await readDevice(store.redis, lamp.fleet, lamp.device);
  const window = await readWindow(store.redis, lamp.fleet, lamp.device, 1000);
  expect(device?.last?.seq).toBe(model.last);
  // As text, because Jest takes milliseconds to compare two windows of objects.
  expect(window.map(entryText).reverse().join('\n')).toBe(model.window.map(entryText).join('\n'));
}

const replica = fc.constantFrom(0, 1);
const few = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 6 });
const many = fc.nat({ max: 400 }).map((first) => Array.from({ length: 100 }, (_, i) => first + i));
const steps = fc.commands(
  [
    fc.tuple(replica, few).map((args) => new Take(...args)),
    fc.tuple(replica, many).map((args) => new Take(...args)),
    fc.tuple(replica, fc.boolean(), fc.boolean()).map((args) => new Deliver(...args)),
    fc.tuple(replica, fc.constant(false), fc.constant(false)).map((args) => new Deliver(...args)),
  ],
  { maxCommands: 30, size: 'max' },
);

it('with racing replicas and lost replies the store holds each reading once, in order, and loses no verdict', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      const model = new DeviceModel();
      const race = new Race();
      await fc.asyncModelRun(() => ({ model, real: race }), commands);

      // Finally everything is delivered.
      for (let turn = 0; race.outboxes.flat().length > 0; turn += 1) {
        expect(turn).toBeLessThan(1000);
        await new Deliver(turn % 2, false, false).run(model, race);
      }
      await expectSameAsModel(race, model);
      if (race.taken.size < WINDOW_SIZE / 2)
        expect(new Set(model.window.map(({ seq }) => seq))).toEqual(race.taken);

      const observer = new Replica(store.redis);
      await observer.accept(race.lamp, []);
      const { rules } = observer.cache.get(race.lamp.name)!;
      expect(rules).toBe(model.rules);
      if (race.taken.size < WINDOW_SIZE / 2)
        expect(countOf(rules)).toBe(model.window.filter(({ seq, late }) => !late && seq % 2 === 0).length);
    }),
    { numRuns: 50 },
  );
  await expectConsistentQueue(store.redis);
}, 180_000);
