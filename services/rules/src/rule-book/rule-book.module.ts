import { Module } from '@nestjs/common';
import { RuleBook } from './rule-book.service.js';
import { RuleErrors } from './rule-errors.service.js';

/** The rules in force of each fleet. */
@Module({
  providers: [RuleErrors, RuleBook],
  exports: [RuleErrors, RuleBook],
})
export class RuleBookModule {}
