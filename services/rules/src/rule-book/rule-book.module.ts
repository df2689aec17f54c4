import { Module } from '@nestjs/common';
import { RuleBook } from './rule-book.service.js';
import { RuleErrors } from './rule-errors.service.js';

/** The rules in force, fleet by fleet. */
@Module({
  providers: [RuleErrors, RuleBook],
  exports: [RuleErrors, RuleBook],
})
export class RuleBookModule {}
