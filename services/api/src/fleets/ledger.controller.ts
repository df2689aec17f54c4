import { isKnownFleet } from '@lamplighter/store/fleets/fleets';
import { hasLedger } from '@lamplighter/store/fleets/ledger';
import { redisNow } from '@lamplighter/store/redis/connect';
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { isoTime } from '../iso-time.js';
import { Answers, Problems, Resource } from '../openapi/describe.js';
import { noSuchFleet } from '../problems/not-found.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import { StoreLink } from '../store/store-link.js';
import { type LedgerBody, ledgerSchema } from './ledger.schema.js';
import { LedgerReader } from './ledger-reader.js';

@Resource('fleets')
@Controller('v1/fleets/:fleet/ledger')
export class LedgerController {
  constructor(
    @Inject(StoreLink) private readonly link: StoreLink,
    @Inject(LedgerReader) private readonly ledgers: LedgerReader,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'The ledger of a fleet: readings taken and commands issued, against their outcomes',
    description:
      'Readings on their way are `unexplained` until they arrive, so the count is 0 for a fleet at rest. For commands it is always 0. ' +
      'The counts of removed devices, and of a removed fleet, stay.',
  })
  @Answers(200, ledgerSchema, 'The books')
  @Problems('invalid-request', 'no-such-fleet')
  async readLedger(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<LedgerBody> {
    const { redis } = this.link;
    // The ledger outlives the fleet.
    if (!(await isKnownFleet(redis, fleet)) && !(await hasLedger(redis, fleet))) throw noSuchFleet(fleet);
    const { readings, commands } = await this.ledgers.read(fleet);
    const { issued, open, ended, unexplained } = commands;
    return {
      fleet,
      at: isoTime(await redisNow(redis)),
      readings: { ...readings, rejected: { ...readings.rejected } },
      commands: { issued, open, ...ended, unexplained },
    };
  }
}
