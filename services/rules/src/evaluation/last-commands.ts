import { type Action, defaultLane } from '@lamplighter/contracts/commands/command';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { DecidedCommand } from './decided-command.js';

/** The last command of a rule within one batch. */
interface LastCommand {
  readonly command: DecidedCommand;
  /** The verdict that it carries out; undefined for a safe action. */
  readonly raise: boolean | undefined;
  /** The state before the rule's first command in the batch, if the device had got the command of its verdict; otherwise undefined. */
  readonly commandedBefore: RuleState | undefined;
}

/**
 * The commands of one device in one batch: only the last one of each rule. If a verdict changes and changes back within a batch, the
 * device gets no command, because its last one is still correct.
 */
export class LastCommands {
  private readonly byRule = new Map<CompiledRule, LastCommand>();

  /**
   * Replaces the rule's command and moves it behind the commands of other rules.
   * @param commandedBefore the state before this command, if the device had got the command of its verdict
   */
  set(
    rule: CompiledRule,
    command: DecidedCommand,
    raise: boolean | undefined,
    commandedBefore: RuleState | undefined,
  ): void {
    const earlier = this.byRule.get(rule);
    this.byRule.delete(rule);
    const first =
      earlier === undefined || commandedBefore === undefined ? commandedBefore : earlier.commandedBefore;
    this.byRule.set(rule, { command, raise, commandedBefore: first });
  }

  /** Records that an edge decision replaced the rule's state, so the command before the batch is no longer in force. */
  markReplaced(rule: CompiledRule): void {
    const last = this.byRule.get(rule);
    if (last !== undefined) this.byRule.set(rule, { ...last, commandedBefore: undefined });
  }

  /**
   * Drops each command that repeats the device's command from before the batch, unless something else may have overridden it.
   * @param present the states after the batch
   * @param others other rules and commands for the device
   * @returns the restored states of these rules: their verdicts never changed
   */
  dropRepeated(
    present: Readonly<Record<string, RuleState>>,
    others: readonly (CompiledRule | DecidedCommand)[],
  ): Map<string, RuleState> {
    const states = new Map<string, RuleState>();
    for (const [rule, { raise, commandedBefore }] of this.byRule) {
      const state = present[rule.id];
      if (commandedBefore === undefined || raise !== commandedBefore.raised || state?.runUntil !== undefined)
        continue;
      if (others.some((other) => other !== rule && overlap(outputsOf(rule), outputsOf(other)))) continue;
      this.byRule.delete(rule);
      // The evaluations of the batch still count for the deadband, the hold and the loop limit.
      const { band, held, loop, cut } = state!;
      states.set(rule.id, { ...commandedBefore, band, held, loop, cut });
    }
    return states;
  }

  commands(): DecidedCommand[] {
    return [...this.byRule.values()].map(({ command }) => command);
  }
}

interface Outputs {
  readonly lanes: readonly string[];
  readonly keys: readonly string[];
}

function outputsOf(by: CompiledRule | DecidedCommand): Outputs {
  if ('action' in by) return { lanes: [by.lane], keys: Object.keys(by.action) };
  const actions = [by.whenTrue, by.whenFalse, by.quorum?.safe].filter(
    (action): action is Action => action !== undefined,
  );
  return {
    lanes: actions.map((action) => by.lane ?? defaultLane(action)),
    keys: actions.flatMap((action) => Object.keys(action)),
  };
}

/** Whether two outputs interfere: commands of one lane supersede each other, and actions with the same key override each other. */
function overlap(one: Outputs, other: Outputs): boolean {
  return (
    one.lanes.some((lane) => other.lanes.includes(lane)) || one.keys.some((key) => other.keys.includes(key))
  );
}
