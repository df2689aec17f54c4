import { Module } from '@nestjs/common';
import { ApiKeyCheck } from './api-key-check.js';
import { KeysController } from './keys.controller.js';

@Module({
  controllers: [KeysController],
  providers: [ApiKeyCheck],
  exports: [ApiKeyCheck],
})
export class AccessModule {}
