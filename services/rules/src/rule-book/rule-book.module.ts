import { Module } from '@nestjs/common';
import { RuleBook } from './rule-book.service.js';
import { RuleErrors } from './rule-errors.service.js';
import { RuleTime } from './rule-time.service.js';

/** The rules in force of each fleet. */
@Module({
  providers: [RuleErrors, RuleTime, RuleBook],
  exports: [RuleErrors, RuleTime, RuleBook],
})
export class RuleBookModule {}
