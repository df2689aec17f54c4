import { Module } from '@nestjs/common';
import { StatePublisher } from './state-publisher.service.js';

/** Published last states of devices. */
@Module({
  providers: [StatePublisher],
  exports: [StatePublisher],
})
export class StateModule {}
