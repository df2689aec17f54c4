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
import { KnownDevice } from '../cache/known-device.js';
import { type Release, RuleSet } from '../rule-book/rule-set.js';
import { evaluatePart } from './evaluate-part.js';

/**
 * A model of a fleet's rules in a store that counts revisions, two replicas that read a write up to a second late, and a device whose
 * states are replaced by compare-and-set. Every run must end exactly once: at its promised time plus the time that a replica may take to
 * read a version, or immediately after a release.
 */
const START = Date.UTC(2026, 10, 22, 12);
const STEP_MS = 250;
const READ_DELAY_MS = 1000;
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

class Model {
  now = START;
  private book: Book = { revision: 0, isOff: false, rule: undefined, releases: new Map() };
  private version = 0;
  /** The rules that each replica has read, and those that it will read later. */
  private readonly loaded: [Book, Book] = [this.book, this.book];
  private pendingReads: { replica: 0 | 1; book: Book; at: number }[] = [];
  private readonly sets = new Map<Book, RuleSet>();
  private states: Record<string, RuleState> = {};
  private readonly window: KeptReading[] = [];
  private due: number | undefined;
  private part = 0;
  readonly runs: { until: number; endedAt: number | undefined }[] = [];

  write(change: (book: Book) => Partial<Book>, lateness: readonly [number, number]): void {
    const book: Book = { ...this.book, ...change(this.book), revision: this.book.revision + 1 };
    this.book = book;
    for (const replica of [0, 1] as const)
      this.pendingReads.push({ replica, book, at: this.now + lateness[replica] });
    // A release wakes its devices as soon as a replica has read it.
    if (book.releases.size > 0)
      this.due = Math.min(this.due ?? Number.POSITIVE_INFINITY, this.now + READ_DELAY_MS);
  }

  /** Writes the rule's next version; like the store, with the revision as its `since` if its states are reset. */
  writeVersion(document: Document | undefined, release: boolean, lateness: readonly [number, number]): void {
    this.write((book) => {
      const before = book.rule;
      this.version += 1;
      const isReset =
        document === undefined || before === undefined || resetsState(before.document, document);
      const since = isReset ? book.revision + 1 : before.since;
      const keptFor = !isReset && document.enabled ? document.scope.devices : undefined;
      const releases = new Map(book.releases);
      if (release && before !== undefined) {
        const compiled = compileRule(before.document, before.version, before.since);
        const end = promisedEnd(compiled)!;
        releases.set('water', {
          rule: 'water',
          since: before.since,
          scope: compiled.scope,
          keptFor,
          end,
        });
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
    this.evaluate(replica, soil);
  }

  advance(ms: number, replica: 0 | 1): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += STEP_MS;
      this.readRules();
      if (this.due !== undefined && this.due <= this.now) this.evaluate(replica, undefined);
    }
  }

  private readRules(): void {
    const due = this.pendingReads.filter(({ at }) => at <= this.now);
    this.pendingReads = this.pendingReads.filter(({ at }) => at > this.now);
    for (const { replica, book } of due)
      if (book.revision > this.loaded[replica].revision) this.loaded[replica] = book;
  }

  /** Evaluates the device on a replica without a cached state. */
  private evaluate(replica: 0 | 1, soil: number | undefined): void {
    this.readRules();
    const device = new KnownDevice(new DeviceAddress('demo', DEVICE, false));
    const book = this.loaded[replica];
    const set = this.sets.get(book) ?? setOf(book);
    this.sets.set(book, set);
    device.useRules(set);
    const mark = { seq: undefined, at: undefined };
    const session = { id: 1, keeps: false };
    device.adoptStored({ version: NEW_DEVICE, mark, rules: JSON.stringify(this.states), session, kinds: '' });
    device.setWindow({ readings: this.window, count: this.window.length, late: 0 }, 240);
    const readings =
      soil === undefined
        ? []
        : [
            {
              ...{
                n: undefined,
                seq: undefined,
                at: undefined,
                arrivedAt: 0,
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
    if (soil !== undefined) this.window.push({ receivedAt: this.now, late: false, measurements: { soil } });
    this.check(before.water?.runUntil, this.states.water?.runUntil, commands);
  }

  /** Compares the commands with the runs. */
  private check(
    before: number | undefined,
    after: number | undefined,
    commands: readonly { action: Record<string, unknown>; cause: string }[],
  ): void {
    const open = this.runs.filter(({ endedAt }) => endedAt === undefined);
    const ends = commands.filter(({ cause }) => cause === 'promise:water');
    if (before !== undefined && before !== after) {
      // The run has ended: by one command, or by `clear`.
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
const lateness = fc.tuple(
  fc.integer({ min: 0, max: READ_DELAY_MS }),
  fc.integer({ min: 0, max: READ_DELAY_MS }),
);
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

it('ends every run exactly once, at its promised time, through any edits, deletes and restarts', () => {
  let ended = 0;
  fc.assert(
    fc.property(steps, (walk) => {
      const model = new Model();
      for (const step of walk) {
        if (step.kind === 'read') model.read(step.replica, step.soil);
        else if (step.kind === 'pass') model.advance(step.ms, step.replica);
        else if (step.kind === 'switch') model.switchRules(step.isOff, step.lateness);
        else model.writeVersion(step.document, step.release, step.lateness);
      }
      model.writeVersion(undefined, false, [0, 0]);
      model.advance(60_000, 0);
      for (const { until, endedAt } of model.runs) {
        expect(endedAt).toBeDefined();
        expect(endedAt! - until).toBeLessThanOrEqual(STEP_MS + READ_DELAY_MS);
        ended += 1;
      }
    }),
    { numRuns: 300 },
  );
  expect(ended).toBeGreaterThan(300);
});
