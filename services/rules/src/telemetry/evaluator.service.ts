import { randomBytes } from 'node:crypto';
import { deviceTopic, lessonTopic } from '@lamplighter/contracts/topics';
import { Injectable } from '@nestjs/common';
import { GroupStates } from '../cache/group-states.js';
import { type EvaluatedPart, type EvaluationCounts, evaluatePart } from '../evaluation/evaluate-part.js';
import { textFault } from '../evaluation/text-for-number.js';
import { RulesMetrics } from '../metrics.js';
import { RejectedService } from '../rejected/rejected.service.js';
import { RuleErrors } from '../rule-book/rule-errors.service.js';
import { RuleTime } from '../rule-book/rule-time.service.js';
import type { Batch } from './batch.js';

const RESULTS = ['matched', 'unmatched', 'undecided', 'error', 'budget_exceeded'] as const;

/** Evaluates the rules of a batch, device by device, on the device cache. */
@Injectable()
export class Evaluator {
  /** Unique per process, because part numbers start at 1 again; short, because every stored reading contains it. */
  readonly replica = randomBytes(6).toString('base64url');
  private parts = 0;

  constructor(
    private readonly groupStates: GroupStates,
    private readonly metrics: RulesMetrics,
    private readonly ruleErrors: RuleErrors,
    private readonly ruleTime: RuleTime,
    private readonly rejected: RejectedService,
  ) {}

  evaluate({ pending, listeningSince }: Batch): EvaluatedPart[] {
    const started = performance.now();
    const now = Date.now();
    const counts: EvaluationCounts = {
      matched: 0,
      unmatched: 0,
      undecided: 0,
      error: 0,
      budget_exceeded: 0,
      time: this.ruleTime,
      onError: this.onRuleError,
      onText: this.onText,
    };
    const parts: EvaluatedPart[] = [];
    for (const [device, readings] of pending) {
      this.parts += 1;
      const { replica, parts: number, groupStates } = this;
      parts.push(evaluatePart(device, readings, replica, number, now, counts, listeningSince, groupStates));
    }
    for (const result of RESULTS)
      if (counts[result] > 0) this.metrics.evaluations.inc({ result }, counts[result]);
    this.metrics.processing.observe({ stage: 'rules' }, (performance.now() - started) / 1000);
    return parts;
  }

  /** Reports a rule that fails on a device; the reading and the other rules are not affected. */
  private readonly onRuleError: EvaluationCounts['onError'] = (rule, { address }, message) =>
    this.ruleErrors.report(address.fleet, rule, address.device, message);

  private readonly onText: EvaluationCounts['onText'] = (rule, { address }, name, reading) => {
    const { fleet, device, lesson } = address;
    const topic = lesson ? lessonTopic(fleet, 'telemetry') : deviceTopic(fleet, 'telemetry', device);
    const message = { topic, payload: () => JSON.stringify(reading) };
    this.rejected.suspect('telemetry', 'type', message, () => textFault(rule.id, name, reading));
  };
}
