import { type Action, defaultLane } from '@lamplighter/contracts/commands/command';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { DecidedCommand } from './decided-command.js';

/** The last command of a rule within one batch. */
interface LastWord {
  readonly command: DecidedCommand;
  /** The verdict that it carries out; undefined of a safe action. */
  readonly raise: boolean | undefined;
  /** The state before the rule's first command in the batch, if the device had been commanded its verdict; otherwise undefined. */
  readonly standing: RuleState | undefined;
}

/**
 * The commands of one device in one batch, at most one for each rule: its last. A batch may hold a backlog in which a verdict changes
 * and changes back; the device never hears of it then, because its last command is the one that it already has.
 */
export class LastCommands {
  private readonly words = new Map<CompiledRule, LastWord>();

  /**
   * Replaces the rule's command. It goes out after the commands that other rules gave before it.
   * @param standing the state before this command, if the device had been commanded its verdict
   */
  set(
    rule: CompiledRule,
    command: DecidedCommand,
    raise: boolean | undefined,
    standing: RuleState | undefined,
  ): void {
    const earlier = this.words.get(rule);
    this.words.delete(rule);
    const first = earlier === undefined || standing === undefined ? standing : earlier.standing;
    this.words.set(rule, { command, raise, standing: first });
  }

  /** The rule's state was replaced by what its device has decided: what was commanded before it no longer stands. */
  replaced(rule: CompiledRule): void {
    const word = this.words.get(rule);
    if (word !== undefined) this.words.set(rule, { ...word, standing: undefined });
  }

  /**
   * Takes back each command that repeats what the device was commanded before the batch.
   * @param present the states after the batch
   * @param others what else drives the device: what it was commanded by one rule, another may have overridden
   * @returns the states of these rules: their verdicts never changed
   */
  takeBackRepeated(
    present: Readonly<Record<string, RuleState>>,
    others: readonly (CompiledRule | DecidedCommand)[],
  ): Map<string, RuleState> {
    const states = new Map<string, RuleState>();
    for (const [rule, { raise, standing }] of this.words) {
      const state = present[rule.id];
      if (standing === undefined || raise !== standing.raised || state?.runUntil !== undefined) continue;
      if (others.some((other) => other !== rule && meet(driven(rule), driven(other)))) continue;
      this.words.delete(rule);
      // What it has judged since counts, as does how often it changed its mind.
      const { band, held, loop, cut } = state!;
      states.set(rule.id, { ...standing, band, held, loop, cut });
    }
    return states;
  }

  commands(): DecidedCommand[] {
    return [...this.words.values()].map(({ command }) => command);
  }
}

interface Driven {
  readonly lanes: readonly string[];
  readonly keys: readonly string[];
}

function driven(by: CompiledRule | DecidedCommand): Driven {
  if ('action' in by) return { lanes: [by.lane], keys: Object.keys(by.action) };
  const actions = [by.whenTrue, by.whenFalse, by.quorum?.safe].filter(
    (action): action is Action => action !== undefined,
  );
  return {
    lanes: actions.map((action) => by.lane ?? defaultLane(action)),
    keys: actions.flatMap((action) => Object.keys(action)),
  };
}

/** Whether both drive something in common: commands of one lane supersede each other, and those of one key override each other. */
function meet(one: Driven, other: Driven): boolean {
  return (
    one.lanes.some((lane) => other.lanes.includes(lane)) || one.keys.some((key) => other.keys.includes(key))
  );
}
