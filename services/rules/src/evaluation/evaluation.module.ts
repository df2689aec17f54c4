import { Module } from '@nestjs/common';
import { DeviceCache } from './device-cache.js';
import { GroupVerdicts } from './group-verdicts.js';

/** What evaluations remember: devices and group verdicts. */
@Module({
  providers: [DeviceCache, GroupVerdicts],
  exports: [DeviceCache, GroupVerdicts],
})
export class EvaluationModule {}
