import { Module } from '@nestjs/common';
import { DeviceCache } from './device-cache.js';
import { GroupStates } from './group-states.js';

/** The caches of this replica: devices and group states. */
@Module({
  providers: [DeviceCache, GroupStates],
  exports: [DeviceCache, GroupStates],
})
export class CacheModule {}
