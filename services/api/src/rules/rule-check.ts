import type { Rule } from '@lamplighter/contracts/rule';
import type { TelemetrySchema } from '@lamplighter/contracts/telemetry-schema';
import { validateRule } from '@lamplighter/evaluation/validate-rule';
import { listDevices } from '@lamplighter/store/devices';
import { readMeasurementNames } from '@lamplighter/store/measurement-names';
import { listRules, type StoredRule, type UnreadableRule } from '@lamplighter/store/rules';
import { readTelemetrySchema } from '@lamplighter/store/telemetry-schemas';
import { Inject, Injectable } from '@nestjs/common';
import { type FieldError, Problem } from '../problems/problem.js';
import { StoreLink } from '../store/store-link.js';

/** Devices whose last states are read as well: names of a store that was written by an earlier version. */
const LOOKED_AT = 50;
/** A rule with a hundred problems need not get a hundred answers. */
const MAX_ERRORS = 20;
/** Rules that are checked in one go, and misfits that are told. */
const CHECKED_AT_ONCE = 20;
const MAX_MISFITS = 100;

/** Something to say of a place in a rule. */
export interface Remark {
  readonly pointer: string;
  readonly detail: string;
}

/** What of a rule that is in force does not go with the declaration of its fleet. */
export interface Misfit extends Remark {
  readonly rule: string;
}

/** Checks rules against what their fleet has declared, or else against what its devices were seen to send. */
@Injectable()
export class RuleCheck {
  constructor(@Inject(StoreLink) private readonly link: StoreLink) {}

  /**
   * The rule of a document, and what may not be meant so.
   * @param at where the document stands in the body, a JSON pointer
   * @throws Problem `invalid-rule` that points at every problem
   */
  async check(
    fleet: string,
    document: unknown,
    at = '',
  ): Promise<{ rule: Rule; warnings: readonly Remark[] }> {
    const { redis } = this.link;
    const [schema, { devices }, recorded] = await Promise.all([
      readTelemetrySchema(redis, fleet),
      listDevices(redis, fleet, { limit: LOOKED_AT }),
      readMeasurementNames(redis, fleet),
    ]);
    const seenNames = new Set([
      ...recorded,
      ...devices.flatMap(({ last }) => Object.keys(last?.measurements ?? {})),
    ]);
    const { rule, problems, warnings } = validateRule(document, {
      ...(schema !== undefined && { schema }),
      ...(seenNames.size > 0 && { seenNames }),
    });
    if (rule === undefined || problems.length > 0) {
      const errors = problems.map(
        ({ pointer, detail }): FieldError => ({ in: 'body', pointer: at + pointer, detail }),
      );
      const places = errors.length === 1 ? '1 place' : `${errors.length} places`;
      throw new Problem('invalid-rule', `The rule is not valid in ${places}; see errors.`, {
        errors: errors.slice(0, MAX_ERRORS),
      });
    }
    if (devices.length > 0) return { rule, warnings };
    const unheard = { pointer: '', detail: `no device of fleet "${fleet}" was ever heard of` };
    return { rule, warnings: [...warnings, unheard] };
  }

  /** What of a rule that is kept does not go with what its fleet has declared since; it stays in force. */
  async doubts(fleet: string, stored: StoredRule | UnreadableRule): Promise<readonly Remark[]> {
    const schema = await readTelemetrySchema(this.link.redis, fleet);
    return schema === undefined ? [] : misfits(stored, schema);
  }

  /** The same of all rules of a fleet, at most 100, before or after it declares what it measures. */
  async misfits(fleet: string, schema: TelemetrySchema): Promise<readonly Misfit[]> {
    const found: Misfit[] = [];
    for (let after: string | undefined = ''; after !== undefined && found.length < MAX_MISFITS; ) {
      const page: Awaited<ReturnType<typeof listRules>> = await listRules(this.link.redis, fleet, {
        limit: CHECKED_AT_ONCE,
        after,
      });
      for (const stored of page.rules)
        for (const remark of misfits(stored, schema)) found.push({ rule: stored.id, ...remark });
      after = page.next;
    }
    return found.slice(0, MAX_MISFITS);
  }

  /** As `check`, of a rule whose id is known from elsewhere: the document may leave it out, but not name another one. */
  checkNamed(
    fleet: string,
    id: string,
    document: unknown,
  ): Promise<{ rule: Rule; warnings: readonly Remark[] }> {
    if (typeof document !== 'object' || document === null || Array.isArray(document))
      return this.check(fleet, document);
    const named: { id?: unknown } = { id, ...document };
    if (named.id === id) return this.check(fleet, named);
    throw new Problem('invalid-rule', 'The rule is not valid in 1 place; see errors.', {
      errors: [{ in: 'body', pointer: '/id', detail: `must be "${id}", as in the path, or be left out` }],
    });
  }
}

function misfits(stored: StoredRule | UnreadableRule, schema: TelemetrySchema): readonly Remark[] {
  return 'rule' in stored ? validateRule(stored.rule, { schema }).problems : [];
}
