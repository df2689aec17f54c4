import { type Action, defaultLane } from '@lamplighter/contracts/commands/command';
import { inScope } from '@lamplighter/contracts/rules/device-scope';
import type { Observation } from '@lamplighter/evaluation/context/evaluation-context';
import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { measureAtEdge, withoutQuorum } from '@lamplighter/evaluation/rule/edge';
import { type EdgeRuleDocument, edgeRuleSchema } from '@lamplighter/evaluation/rule/edge-rule';
import { type PastReading, ReadingWindow, WINDOW_DEPTH } from '@lamplighter/evaluation/window/reading-window';
import { CommandRejected, reasonOf } from '../commands/execute-command.js';

/** A rule installed on a device, with the readings that it needs. */
export class InstalledRule {
  /** The rule as the device evaluates it without the server or other devices. */
  readonly standalone: CompiledRule;
  /** Lane of the commands that the server sends for the rule. */
  readonly lane: string;
  private readonly compiled: CompiledRule;
  private readonly depth: number;
  private readonly past: PastReading[] = [];

  /** @throws CommandRejected if the rule cannot run on this device */
  constructor(
    readonly document: EdgeRuleDocument,
    private readonly address: { readonly fleet: string; readonly device: string },
  ) {
    const { version, since, rule } = document;
    const { device } = address;
    if (!inScope(rule.scope.devices, device) || (rule.target && !inScope(rule.target.devices, device)))
      throw new CommandRejected(`rule "${rule.id}" does not apply to this device`);
    try {
      this.compiled = compileRule(rule, version, since);
    } catch (error) {
      throw new CommandRejected(reasonOf(error));
    }
    this.standalone = withoutQuorum(this.compiled);
    this.lane = this.compiled.lane ?? defaultLane(this.compiled.whenTrue);
    this.depth = Math.min(Math.max(this.compiled.depth, 1), WINDOW_DEPTH);
  }

  /** `<rule>@<version>`. */
  get name(): string {
    return `${this.document.rule.id}@${this.document.version}`;
  }

  /** Whether its state belongs only to this device. The state of a quorum belongs to the group, which continues without the device. */
  get isOfOneDevice(): boolean {
    return this.standalone === this.compiled;
  }

  /** Adds a reading. */
  push(reading: PastReading): void {
    this.past.push(reading);
    while (this.past.length > this.depth) this.past.shift();
  }

  /**
   * The observation to evaluate.
   * @param startedAt start of the device program, server time in milliseconds
   */
  observe(trigger: Observation['trigger'], now: number, startedAt: number): Observation {
    const newest = this.past.at(-1);
    const reading = newest?.reading ?? {};
    const value = measureAtEdge(this.compiled, { reading, device: this.address });
    return {
      trigger,
      reading,
      ageMs: newest === undefined || trigger === 'reading' ? 0 : Math.max(0, now - newest.receivedAt),
      heardAt: Math.max(newest?.receivedAt ?? 0, startedAt),
      ...(this.depth > 1 && { last: this.past.at(-2)?.reading ?? {}, window: new ReadingWindow(this.past) }),
      ...(value !== undefined && { value }),
    };
  }

  /** Which side of the rule an action belongs to: `then` (true), `else` (false) or neither (undefined). */
  sideOf(action: Action): boolean | undefined {
    // Both come from the same document, so their keys have the same order.
    const text = JSON.stringify(action);
    if (text === JSON.stringify(this.standalone.whenTrue)) return true;
    return text === JSON.stringify(this.standalone.whenFalse) ? false : undefined;
  }

  /** Duration of a run that the server started, milliseconds; the maximum if it cannot be computed; undefined if the rule has no runs. */
  runMs(): number | undefined {
    const { run } = this.standalone;
    if (run === undefined) return undefined;
    const { reading, last, window, value } = this.observe('timer', 0, 0);
    try {
      const seconds = run.seconds.evaluate({ reading, last, window, value, device: this.address });
      if (seconds !== undefined) return Math.max(0, Math.min(run.maxMs, Math.round(seconds * 1000)));
    } catch {
      // Cannot be computed: use the maximum.
    }
    return run.maxMs;
  }
}

/** Parses the rule of an `edge_rule` command. @throws CommandRejected with a pointer to the invalid part */
export function parseEdgeRule(value: unknown): EdgeRuleDocument {
  const document = edgeRuleSchema.safeParse(value);
  if (document.success) return document.data;
  const { path, message } = document.error.issues[0]!;
  throw new CommandRejected(`/${path.map(String).join('/')}: ${message}`.slice(0, 250));
}
