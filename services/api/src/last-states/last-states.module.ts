import { Module } from '@nestjs/common';
import { LastStatesController } from './last-states.controller.js';

@Module({ controllers: [LastStatesController] })
export class LastStatesModule {}
