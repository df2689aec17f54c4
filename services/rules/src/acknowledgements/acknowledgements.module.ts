import { Module } from '@nestjs/common';
import { CommandsModule } from '../commands/commands.module.js';
import { RejectedModule } from '../rejected/rejected.module.js';
import { AcknowledgementsController } from './acknowledgements.controller.js';
import { InvalidAcknowledgements } from './invalid-acknowledgements.service.js';

/** Devices' acknowledgements of commands. */
@Module({
  imports: [CommandsModule, RejectedModule],
  controllers: [AcknowledgementsController],
  providers: [InvalidAcknowledgements],
})
export class AcknowledgementsModule {}
