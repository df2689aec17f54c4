import { Module } from '@nestjs/common';
import { RulesModule } from '../rules/rules.module.js';
import { DryRunController } from './dry-run.controller.js';
import { RuleDiffController } from './rule-diff.controller.js';
import { RunLimiter } from './run-budget.js';

@Module({
  imports: [RulesModule],
  controllers: [DryRunController, RuleDiffController],
  providers: [RunLimiter],
})
export class DryRunsModule {}
