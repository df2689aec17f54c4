// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { promisedEnd } from '@lamplighter/evaluation/evaluate/promised-end';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { KeptReading } from '@lamplighter/store/devices/devices';
import { resetsState } from '@lamplighter/store/rules/rule-restart';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import fc from 'fast-check';
import { type Release, RuleSet } from '../rule-book/rule-set.js';
import { evaluatePart } from './evaluate-part.js';
import { KnownDevice } from './known-device.js';

/**
 * A model of the whole: a fleet's rules in a store that counts revisions, two replicas that learn of a write up to a second late, and
 * a device whose states are replaced by compare-and-set. Whatever was started with a run must be ended exactly once, at its promised
 * time, plus what a replica may take to learn of a version, or at once if a writer asked for it.
 */
const START = Date.UTC(2026, 10, 22, 12);
const STEP_MS = 250;
const LEARN_MS = 1000;
const DEVICE = 'plot';

type Document = ReturnType<typeof ruleSchema.parse>;
interface Written {
  readonly document: Document;
  readonly version: number;
  readonly since: number;
}
/** The fleet's rules at one revision. */
interface Book {
  readonly revision: number;
  readonly isOff: boolean;
  readonly rule: Written | undefined;
  readonly releases: ReadonlyMap<string, Release>;
}

const setOf = ({ rule, isOff, revision, releases }: Book): RuleSet => {
  const isInForce = rule?.document.enabled === true && !isOff;
  const disabled = new Set(rule !== undefined && !rule.document.enabled ? [rule.document.id] : []);
  const rules = isInForce ? [compileRule(rule.document, rule.version, rule.since)] : [];
  return new RuleSet(rules, { revision, isOff, disabled, releases });
};

class World {
  now = START;
  private book: Book = { revision: 0, isOff: false, rule: undefined, releases: new Map() };
  private version = 0;
  /** What each replica knows, and what it will know when. */
  private readonly known: [Book, Book] = [this.book, this.book];
  private learning: { replica: 0 | 1; book: Book; at: number }[] = [];
  private readonly sets = new Map<Book, RuleSet>();
  private states: Record<string, RuleState> = {};
  private readonly history: KeptReading[] = [];
  private due: number | undefined;
  private part = 0;
  /** Runs that were started. */
  readonly runs: { until: number; endedAt: number | undefined }[] = [];

  write(change: (book: Book) => Partial<Book>, lateness: readonly [number, number]): void {
    const book: Book = { ...this.book, ...change(this.book), revision: this.book.revision + 1 };
    this.book = book;
    for (const replica of [0, 1] as const)
      this.learning.push({ replica, book, at: this.now + lateness[replica] });
    // The devices of a release are woken as soon as a replica has learnt of it.
    if (book.releases.size > 0)
      this.due = Math.min(this.due ?? Number.POSITIVE_INFINITY, this.now + LEARN_MS);
  }

  /** A rule's next version; like the store, with the revision as its `since` if it begins from scratch. */
  next(document: Document | undefined, release: boolean, lateness: readonly [number, number]): void {
    this.write((book) => {
      const before = book.rule;
      this.version += 1;
      const isAnew = document === undefined || before === undefined || resetsState(before.document, document);
      const since = isAnew ? book.revision + 1 : before.since;
      const goesOn = !isAnew && document.enabled ? document.scope.devices : undefined;
      const releases = new Map(book.releases);
      if (release && before !== undefined) {
        const compiled = compileRule(before.document, before.version, before.since);
        const end = promisedEnd(compiled)!;
        releases.set('water', { rule: 'water', since: before.since, scope: compiled.scope, goesOn, end });
      }
      return { releases, rule: document && { document, version: this.version, since } };
    }, lateness);
  }

  switchRules(isOff: boolean, lateness: readonly [number, number]): void {
    this.write((book) => {
      const rule = book.rule && !isOff ? { ...book.rule, since: book.revision + 1 } : book.rule;
      return { isOff, rule };
    }, lateness);
  }

  read(replica: 0 | 1, soil: number): void {
    this.judge(replica, soil);
  }

  pass(ms: number, replica: 0 | 1): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += STEP_MS;
      this.learn();
      if (this.due !== undefined && this.due <= this.now) this.judge(replica, undefined);
    }
  }

  private learn(): void {
    const due = this.learning.filter(({ at }) => at <= this.now);
    this.learning = this.learning.filter(({ at }) => at > this.now);
    for (const { replica, book } of due)
      if (book.revision > this.known[replica].revision) this.known[replica] = book;
  }

  /** A replica that has just started: it knows nothing but what the store says. */
  private judge(replica: 0 | 1, soil: number | undefined): void {
    this.learn();
    const device = new KnownDevice(new DeviceAddress('demo', DEVICE, false));
    const book = this.known[replica];
    const set = this.sets.get(book) ?? setOf(book);
    this.sets.set(book, set);
    device.useRules(set);
    const mark = { seq: undefined, at: undefined };
    const session = { id: 1, keeps: false };
    device.adoptStored({ version: NEW_DEVICE, mark, rules: JSON.stringify(this.states), session, kinds: '' });
    device.setHistory({ readings: this.history, count: this.history.length, late: 0 }, 240);
    const readings =
      soil === undefined
        ? []
        : [
            {
              ...{
                n: undefined,
                seq: undefined,
                at: undefined,
                takenAt: 0,
                traceparent: undefined,
                ageMs: 0,
              },
              ...{
                json: JSON.stringify({ soil }),
                reading: { soil },
                isRetained: false,
                isReplayed: false,
                isLive: undefined,
              },
            },
          ];
    const count = { matched: 0, unmatched: 0, undecided: 0, error: 0, budget_exceeded: 0, onError: () => {} };
    const before = this.states;
    const { rules, timer, commands } = evaluatePart(device, readings, 'me', ++this.part, this.now, count);
    if (rules !== '') this.states = JSON.parse(rules) as Record<string, RuleState>;
    if (timer !== undefined)
      this.due = timer.exact ? timer.at : Math.min(this.due ?? Number.POSITIVE_INFINITY, timer.at!);
    if (soil !== undefined) this.history.push({ receivedAt: this.now, late: false, measurements: { soil } });
    this.account(before.water?.runUntil, this.states.water?.runUntil, commands);
  }

  /** Compares what was commanded with the runs that there are. */
  private account(
    before: number | undefined,
    after: number | undefined,
    commands: readonly { action: Record<string, unknown>; cause: string }[],
  ): void {
    const open = this.runs.filter(({ endedAt }) => endedAt === undefined);
    const ends = commands.filter(({ cause }) => cause === 'promise:water');
    if (before !== undefined && before !== after) {
      // The run is gone from the states: one command has ended it, or a `clear` that came before its time.
      expect(open).toHaveLength(1);
      expect(commands.some(({ action }) => action.pump === false)).toBe(true);
      open[0]!.endedAt = this.now;
    } else expect(ends.length).toBeLessThanOrEqual(before === undefined ? 1 : 0);
    if (after !== undefined && before !== after) this.runs.push({ until: after, endedAt: undefined });
  }
}

const base = { id: 'water', then: { pump: true }, else: { pump: false } };
const documents: fc.Arbitrary<Document | undefined> = fc
  .constantFrom<Partial<RuleInput> | undefined>(
    undefined,
    { when: 'soil > 450', run: { seconds: '(soil - 400) / 10', max: '20s' } },
    { when: 'soil > 450', run: { seconds: '5', max: '10s' }, clear: 'soil < 300' },
    { when: 'soil > 450', run: { seconds: '8', max: '10s' }, settle: '3s' },
    { when: 'soil > 450', run: { seconds: '8', max: '10s' }, enabled: false },
    { when: 'soil > 450', run: { seconds: '8', max: '10s' }, scope: { devices: ['other'] } },
    { when: 'soil > 450' },
    { when: 'soil > 450', hold: '2s', scope: { devices: ['other'] } },
    { absence: { after: '6s' }, run: { seconds: '4', max: '10s' } },
    { when: 'soil > 450', quorum: { policy: 'any' } },
  )
  .map((more) => more && ruleSchema.parse({ ...base, ...more }));
const replica = fc.constantFrom<0 | 1>(0, 1);
const lateness = fc.tuple(fc.integer({ min: 0, max: LEARN_MS }), fc.integer({ min: 0, max: LEARN_MS }));
const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('read' as const),
        replica,
        soil: fc.constantFrom(200, 500, 500, 600),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        replica,
        ms: fc.integer({ min: 250, max: 15_000 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        document: documents,
        release: fc.boolean(),
        lateness,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('switch' as const), isOff: fc.boolean(), lateness }),
    },
  ),
  { minLength: 20, maxLength: 60, size: 'max' },
);

it('whatever was started with a run is ended exactly once, at its promised time, through any edits, deletes and restarts', () => {
  let ended = 0;
  fc.assert(
    fc.property(steps, (walk) => {
      const world = new World();
      for (const step of walk) {
        if (step.kind === 'read') world.read(step.replica, step.soil);
        else if (step.kind === 'pass') world.pass(step.ms, step.replica);
        else if (step.kind === 'switch') world.switchRules(step.isOff, step.lateness);
        else world.next(step.document, step.release, step.lateness);
      }
      world.next(undefined, false, [0, 0]);
      world.pass(60_000, 0);
      for (const { until, endedAt } of world.runs) {
        expect(endedAt).toBeDefined();
        expect(endedAt! - until).toBeLessThanOrEqual(STEP_MS + LEARN_MS);
        ended += 1;
      }
    }),
    { numRuns: 300 },
  );
  expect(ended).toBeGreaterThan(300);
});
