import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import type { Rule } from '@lamplighter/evaluation/rule/rule';
import {
  deleteRule,
  type ExpectedRule,
  readRule,
  type StoredRule,
  type UnreadableRule,
  type WriteOptions,
  type WriteRuleResult,
  writeRule,
} from '@lamplighter/store/rules/rules';
import { Injectable } from '@nestjs/common';
import { EventWriter } from '../events/event-writer.js';
import { noSuchRule } from '../problems/not-found.js';
import { Problem } from '../problems/problem.js';
import { StoreLink } from '../store/store-link.js';
import { etagOf, matchesVersion, type Versions } from './preconditions.js';

/** Attempts of a write that may replace any version, while other clients write concurrently. */
const MAX_TRIES = 10;

type Change = 'created' | 'changed' | 'enabled' | 'disabled' | 'deleted';

/** Writes rules under the client's preconditions and appends live events. Returned rules are on disk. */
@Injectable()
export class RuleWriter {
  constructor(
    private readonly link: StoreLink,
    private readonly events: EventWriter,
  ) {}

  /** Writes a rule that must be new. @throws Problem `rule-exists`, `too-many-rules` */
  async create(fleet: string, rule: Rule, key: string | undefined): Promise<StoredRule> {
    const result = await this.write(fleet, rule, 'absent', 'created', { key });
    if (result.outcome === 'written') return result.stored;
    throw ruleExists(fleet, rule.id, (result as { version: number }).version);
  }

  /**
   * Adds a rule, or replaces the version named by the client.
   * @throws Problem `rule-exists`, `precondition-required`, `precondition-failed`, `too-many-rules`
   */
  async put(
    fleet: string,
    rule: Rule,
    { versions, isNew, ...options }: { versions: Versions | undefined; isNew: boolean } & WriteOptions,
  ): Promise<{ stored: StoredRule; isCreated: boolean }> {
    if (versions !== undefined && !isNew) {
      return { stored: await this.replace(fleet, rule, versions, options), isCreated: false };
    }
    if (versions !== undefined) throw preconditionFailed(fleet, rule.id, undefined);
    const result = await this.write(fleet, rule, 'absent', 'created', { key: options.key });
    if (result.outcome === 'written') return { stored: result.stored, isCreated: true };
    const { version } = result as { version: number };
    throw isNew ? ruleExists(fleet, rule.id, version) : preconditionRequired(fleet, rule.id, version);
  }

  /** Enables or disables a rule; does nothing if it already is. @throws Problem `no-such-rule`, `precondition-failed` */
  async enable(
    fleet: string,
    id: string,
    enabled: boolean,
    { versions = '*', ...options }: { versions?: Versions | undefined } & WriteOptions,
  ): Promise<StoredRule> {
    for (let tries = 1; ; tries += 1) {
      const before = await readRule(this.link.durableRedis, fleet, id);
      if (before === undefined) throw noSuchRule(fleet, id);
      if (!matchesVersion(versions, before.version)) throw preconditionFailed(fleet, id, before.version);
      if ('unreadable' in before) {
        const errors = [{ in: 'path' as const, pointer: '/rule', detail: before.unreadable }];
        throw new Problem('invalid-rule', 'The stored rule is unreadable. Replace or delete it.', {
          errors,
        });
      }
      if (before.rule.enabled === enabled) return before;
      const change = enabled ? 'enabled' : 'disabled';
      if (options.release) mustHaveElse(before);
      const after = { ...before.rule, enabled };
      const result = await this.write(fleet, after, before.version, change, options);
      if (result.outcome === 'written') return result.stored;
      if (tries === MAX_TRIES) throw preconditionFailed(fleet, id, versionIn(result));
    }
  }

  /** Deletes a rule. @throws Problem `no-such-rule`, `precondition-required`, `precondition-failed` */
  async delete(
    fleet: string,
    id: string,
    { versions, ...options }: { versions: Versions | undefined } & WriteOptions,
  ): Promise<void> {
    const redis = this.link.durableRedis;
    for (let tries = 1; ; tries += 1) {
      const before = await readRule(redis, fleet, id);
      if (before === undefined) throw noSuchRule(fleet, id);
      if (versions === undefined) throw preconditionRequired(fleet, id, before.version);
      if (!matchesVersion(versions, before.version)) throw preconditionFailed(fleet, id, before.version);
      if (options.release) mustHaveElse(before);
      const result = await deleteRule(redis, fleet, id, before.version, options);
      if (result.outcome === 'missing') throw noSuchRule(fleet, id);
      if (result.outcome === 'deleted') return this.appendEvent(fleet, id, result.version, 'deleted');
      if (tries === MAX_TRIES) throw preconditionFailed(fleet, id, result.version);
    }
  }

  private async replace(
    fleet: string,
    rule: Rule,
    versions: Versions,
    options: WriteOptions,
  ): Promise<StoredRule> {
    for (let tries = 1; ; tries += 1) {
      const before = await readRule(this.link.durableRedis, fleet, rule.id);
      if (before === undefined) throw preconditionFailed(fleet, rule.id, undefined);
      if (options.release) mustHaveElse(before);
      // A request repeated after a lost response finds its own version, which the store recognizes.
      const expected = matchesVersion(versions, before.version)
        ? before.version
        : Math.max(-1, ...(versions as Set<number>));
      const result = await this.write(fleet, rule, expected, 'changed', options);
      if (result.outcome === 'written') return result.stored;
      if (versions !== '*' || tries === MAX_TRIES)
        throw preconditionFailed(fleet, rule.id, versionIn(result));
    }
  }

  /** @throws Problem `too-many-rules` */
  private async write(
    fleet: string,
    rule: Rule,
    expected: ExpectedRule,
    change: Change,
    options: WriteOptions = {},
  ): Promise<Exclude<WriteRuleResult, { outcome: 'full' }>> {
    const result = await writeRule(this.link.durableRedis, fleet, rule, expected, options);
    if (result.outcome === 'written') this.appendEvent(fleet, rule.id, result.stored.version, change);
    if (result.outcome !== 'full') return result as Exclude<WriteRuleResult, { outcome: 'full' }>;
    throw new Problem(
      'too-many-rules',
      `Fleet "${fleet}" has reached its limit of ${RULE_BOUNDS.maxRules} rules. Delete some first.`,
    );
  }

  private appendEvent(fleet: string, rule: string, version: number, change: Change): void {
    this.events.append({ type: 'rule', fleet, rule, version, change });
  }
}

/** @throws Problem `invalid-request` if the rule has no `else` to release with */
function mustHaveElse(before: StoredRule | UnreadableRule): void {
  if ('rule' in before && before.rule.else !== undefined) return;
  const detail = `must be omitted: version ${before.version} of the rule has no "else"`;
  throw new Problem('invalid-request', 'The rule has nothing to release; see errors.', {
    errors: [{ in: 'query', pointer: '/release', detail }],
  });
}

function versionIn(result: WriteRuleResult): number | undefined {
  return 'version' in result ? result.version : undefined;
}

function ruleExists(fleet: string, rule: string, version: number): Problem {
  return new Problem(
    'rule-exists',
    `Rule "${rule}" of fleet "${fleet}" already exists, as version ${version}. To replace it, use PUT with If-Match.`,
    {},
    { ETag: etagOf(version) },
  );
}

function preconditionRequired(fleet: string, rule: string, version: number): Problem {
  return new Problem(
    'precondition-required',
    `Rule "${rule}" of fleet "${fleet}" already exists. Send If-Match with the version to replace, so that you do not overwrite another change.`,
    {},
    { ETag: etagOf(version) },
  );
}

function preconditionFailed(fleet: string, rule: string, version: number | undefined): Problem {
  const now = version === undefined ? 'does not exist' : `is at version ${version}`;
  return new Problem(
    'precondition-failed',
    `Rule "${rule}" of fleet "${fleet}" ${now}. Read it again and apply your change to that version.`,
    {},
    version === undefined ? {} : { ETag: etagOf(version) },
  );
}
