import { readFileSync } from 'node:fs';
import { durationMs } from '@lamplighter/contracts/duration';
import { type Rule, rulesFileSchema } from '@lamplighter/contracts/rule';
import { compileCondition } from '@lamplighter/evaluation/condition';
import type { CompiledRule } from '@lamplighter/evaluation/evaluate';

/** The rules file cannot be used; the message lists every problem with its place. */
export class RulesInvalid extends Error {
  override readonly name = 'RulesInvalid';
  constructor(file: string, problems: readonly string[]) {
    super(`the rules file ${file} is invalid\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** The rules that apply to a device. */
export class RuleSet {
  constructor(private readonly rules: readonly { rule: Rule; compiled: CompiledRule }[]) {}

  get size(): number {
    return this.rules.length;
  }

  /** Compiled rules in whose scope the device is, in the order of the file. */
  forDevice(fleet: string, device: string): CompiledRule[] {
    return this.rules
      .filter(({ rule: { scope } }) => selects(scope.fleets, fleet) && selects(scope.devices, device))
      .map(({ compiled }) => compiled);
  }
}

/** Reads, checks and compiles a rules file. @throws RulesInvalid */
export function loadRules(file: string): RuleSet {
  const parsed = rulesFileSchema.safeParse(readJson(file));
  if (!parsed.success) {
    throw new RulesInvalid(
      file,
      parsed.error.issues.map((issue) => `/${issue.path.map(String).join('/')}: ${issue.message}`),
    );
  }
  const problems: string[] = [];
  const rules = parsed.data.rules.flatMap((rule, index) => {
    try {
      return [{ rule, compiled: compile(rule) }];
    } catch (error) {
      problems.push(`/rules/${index}/when: ${(error as Error).message}`);
      return [];
    }
  });
  if (problems.length > 0) throw new RulesInvalid(file, problems);
  return new RuleSet(rules);
}

function compile(rule: Rule): CompiledRule {
  return {
    id: rule.id,
    when: compileCondition(rule.when),
    whenTrue: rule.then,
    whenFalse: rule.else,
    mode: rule.mode,
    policy: rule.command.policy,
    lane: rule.command.lane,
    ttlMs: durationMs(rule.command.ttl)!,
    timeoutMs: durationMs(rule.command.timeout)!,
    attempts: rule.command.attempts,
    onFailure: rule.command.onFailure,
  };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new RulesInvalid(file, [(error as Error).message]);
  }
}

function selects(selector: '*' | string[], name: string): boolean {
  return selector === '*' || selector.includes(name);
}
