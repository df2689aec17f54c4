import { readFileSync } from 'node:fs';
import { validateRule } from '@lamplighter/evaluation/explanation/validate-rule';
import { type Rule, rulesFileSchema, type Seed } from '@lamplighter/evaluation/rule/rule';

/** The rules file is invalid; the message lists every problem with its JSON pointer. */
class RulesInvalid extends Error {
  override readonly name = 'RulesInvalid';
  constructor(file: string, problems: readonly string[]) {
    super(`the rules file ${file} is invalid\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** Reads and validates the seeds: rules that every new fleet starts with. @throws RulesInvalid */
export function readSeeds(file: string): readonly Seed[] {
  const parsed = rulesFileSchema.safeParse(readJson(file));
  if (!parsed.success) {
    throw new RulesInvalid(
      file,
      parsed.error.issues.map((issue) => `/${issue.path.map(String).join('/')}: ${issue.message}`),
    );
  }
  const problems = parsed.data.rules.flatMap((seed, index) =>
    validateRule(ruleOf(seed), {}).problems.map(
      ({ pointer, detail }) => `/rules/${index}${pointer}: ${detail}`,
    ),
  );
  if (problems.length > 0) throw new RulesInvalid(file, problems);
  return parsed.data.rules;
}

/** The seeds of a fleet. */
export function seedsOf(seeds: readonly Seed[], fleet: string): Rule[] {
  return seeds.filter(({ fleets }) => fleets === '*' || fleets.includes(fleet)).map(ruleOf);
}

function ruleOf({ fleets: _, ...rule }: Seed): Rule {
  return rule;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new RulesInvalid(file, [(error as Error).message]);
  }
}
