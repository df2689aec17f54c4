import { isKnownFleet } from '@lamplighter/store/fleets/fleets';
import { hasLedger } from '@lamplighter/store/fleets/ledger';
import { redisNow } from '@lamplighter/store/redis/connect';
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchFleet } from '../problems/not-found.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import { isoTime } from '../responses/iso-time.js';
import { StoreLink } from '../store/store-link.js';
import { type LedgerBody, ledgerSchema } from './ledger.schema.js';
import { LedgerReader } from './ledger-reader.js';

@Resource('fleets')
@Controller('v1/fleets/:fleet/ledger')
export class LedgerController {
  constructor(
    private readonly link: StoreLink,
    private readonly ledgers: LedgerReader,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Get the ledger of a fleet: readings taken and commands issued, and what happened to them',
    description:
      'Readings in transit are `unexplained` until they arrive, so the count is 0 for a fleet at rest. For commands it is always 0. ' +
      'Counts of removed devices and fleets are kept.',
  })
  @Responds(200, ledgerSchema, 'The ledger')
  @Problems('invalid-request', 'no-such-fleet')
  async readLedger(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<LedgerBody> {
    const { redis } = this.link;
    // The ledger of a removed fleet is kept.
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
