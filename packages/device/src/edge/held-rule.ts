import { type Action, defaultLane } from '@lamplighter/contracts/commands/command';
import { inScope } from '@lamplighter/contracts/rules/device-scope';
import type { Observation } from '@lamplighter/evaluation/context/evaluation-context';
import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { aloneRule, measuredAlone } from '@lamplighter/evaluation/rule/edge';
import { type EdgeRuleDocument, edgeRuleSchema } from '@lamplighter/evaluation/rule/edge-rule';
import { HISTORY_DEPTH, History, type PastReading } from '@lamplighter/evaluation/rule/window';
import { CommandRejected, reasonOf } from '../commands/execute-command.js';

/** A rule that was given to a device, and the readings that it looks at. */
export class HeldRule {
  /** As it is judged with nobody else to ask. */
  readonly alone: CompiledRule;
  /** The lane of the commands by which the server does what the rule says. */
  readonly lane: string;
  private readonly whole: CompiledRule;
  private readonly depth: number;
  private readonly past: PastReading[] = [];

  /** @throws CommandRejected if the device cannot go by it */
  constructor(
    readonly document: EdgeRuleDocument,
    private readonly address: { readonly fleet: string; readonly device: string },
  ) {
    const { version, since, rule } = document;
    const { device } = address;
    if (!inScope(rule.scope.devices, device) || (rule.target && !inScope(rule.target.devices, device)))
      throw new CommandRejected(`rule "${rule.id}" is not about this device`);
    try {
      this.whole = compileRule(rule, version, since);
    } catch (error) {
      throw new CommandRejected(reasonOf(error));
    }
    this.alone = aloneRule(this.whole);
    this.lane = this.whole.lane ?? defaultLane(this.whole.whenTrue);
    this.depth = Math.min(Math.max(this.whole.depth, 1), HISTORY_DEPTH);
  }

  /** `<rule>@<version>`. */
  get name(): string {
    return `${this.document.rule.id}@${this.document.version}`;
  }

  /** What it remembers is one device's alone; of a quorum it is the group's, which goes on without the device. */
  get isOfOneDevice(): boolean {
    return this.alone === this.whole;
  }

  /** Takes a reading. */
  push(reading: PastReading): void {
    this.past.push(reading);
    while (this.past.length > this.depth) this.past.shift();
  }

  /**
   * What there is to be judged.
   * @param startedAt since when the device would have heard itself, server time in ms
   */
  observe(trigger: Observation['trigger'], now: number, startedAt: number): Observation {
    const newest = this.past.at(-1);
    const reading = newest?.reading ?? {};
    const value = measuredAlone(this.whole, { reading, device: this.address });
    return {
      trigger,
      reading,
      ageMs: newest === undefined || trigger === 'reading' ? 0 : Math.max(0, now - newest.receivedAt),
      heardAt: Math.max(newest?.receivedAt ?? 0, startedAt),
      ...(this.depth > 1 && { last: this.past.at(-2)?.reading ?? {}, window: new History(this.past) }),
      ...(value !== undefined && { value }),
    };
  }

  /** Which side of the rule an action is: `then` (true), `else` (false), or none. */
  sideOf(action: Action): boolean | undefined {
    // Both came from the same document, so their keys stand in the same order.
    const text = JSON.stringify(action);
    if (text === JSON.stringify(this.alone.whenTrue)) return true;
    return text === JSON.stringify(this.alone.whenFalse) ? false : undefined;
  }

  /** How long a run takes that the server has begun, as far as it can be told here; undefined if the rule has no runs. */
  runMs(): number | undefined {
    const { run } = this.alone;
    if (run === undefined) return undefined;
    const { reading, last, window, value } = this.observe('timer', 0, 0);
    try {
      const seconds = run.seconds.evaluate({ reading, last, window, value, device: this.address });
      if (seconds !== undefined) return Math.max(0, Math.min(run.maxMs, Math.round(seconds * 1000)));
    } catch {
      // It cannot be told, so the longest run it is.
    }
    return run.maxMs;
  }
}

/** Reads the rule of an `edge_rule` command. @throws CommandRejected, with the place of what is wrong */
export function parseEdgeRule(value: unknown): EdgeRuleDocument {
  const document = edgeRuleSchema.safeParse(value);
  if (document.success) return document.data;
  const { path, message } = document.error.issues[0]!;
  throw new CommandRejected(`/${path.map(String).join('/')}: ${message}`.slice(0, 250));
}
