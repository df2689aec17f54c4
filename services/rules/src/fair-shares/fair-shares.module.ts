import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { RejectedModule } from '../rejected/rejected.module.js';
import { ExcessMessages } from './excess-messages.service.js';

/** Limits what each device and fleet sends, before any other work. */
@Module({ imports: [CacheModule, RejectedModule], providers: [ExcessMessages], exports: [ExcessMessages] })
export class FairSharesModule {}
