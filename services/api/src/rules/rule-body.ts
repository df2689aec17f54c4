import type { RuleError } from '@lamplighter/store/rules/rule-errors';
import type { RuleVersion } from '@lamplighter/store/rules/rule-versions';
import type { StoredRule, UnreadableRule } from '@lamplighter/store/rules/rules';
import { isoTime } from '../responses/iso-time.js';
import type { RuleBody, RuleVersionBody } from './rule.schema.js';

/** A rule as the API returns it. */
export function ruleBody(
  fleet: string,
  stored: StoredRule | UnreadableRule,
  error: RuleError | undefined,
): RuleBody {
  const lastError = lastErrorOf(stored, error);
  return {
    fleet,
    id: stored.id,
    version: stored.version,
    ...('rule' in stored
      ? { changedAt: isoTime(stored.at), enabled: stored.rule.enabled, rule: stored.rule }
      : { enabled: false }),
    ...(lastError !== undefined && { lastError }),
  };
}

/** Errors of earlier versions do not count. */
function lastErrorOf(
  stored: StoredRule | UnreadableRule,
  error: RuleError | undefined,
): RuleBody['lastError'] | undefined {
  if (error === undefined || error.version !== stored.version)
    return 'unreadable' in stored ? { message: stored.unreadable, count: 1 } : undefined;
  const { at, device, message, count } = error;
  return { at: isoTime(at), ...(device !== undefined && { device }), message, count };
}

/** A version as the API returns it. */
export function versionBody(version: RuleVersion, { whole }: { whole: boolean }): RuleVersionBody {
  return {
    version: version.version,
    ...('at' in version && { changedAt: isoTime(version.at) }),
    ...('key' in version && version.key !== undefined && { key: version.key }),
    deleted: 'deleted' in version,
    ...(whole && 'rule' in version && { rule: version.rule }),
  };
}
