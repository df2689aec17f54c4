import { redisNow } from '@lamplighter/store/connect';
import { countPresence } from '@lamplighter/store/devices';
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { isoTime } from '../iso-time.js';
import { Answers, Problems, Resource } from '../openapi/describe.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import { StoreLink } from '../store/store-link.js';
import { noSuchFleet } from './fleets.controller.js';
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
    summary: 'The books of a fleet: what devices took and what was issued, against what became of it',
    description:
      'Readings on their way stand under `unexplained` until they are here, so it is 0 of a fleet at rest; and so it is of commands always.',
  })
  @Answers(200, ledgerSchema, 'The books')
  @Problems('invalid-request', 'no-such-fleet')
  async readLedger(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<LedgerBody> {
    const devices = await countPresence(this.link.redis, fleet);
    if (Object.values(devices).every((count) => count === 0)) throw noSuchFleet(fleet);
    const { readings, commands } = await this.ledgers.read(fleet);
    const { issued, open, ended, unexplained } = commands;
    return {
      fleet,
      at: isoTime(await redisNow(this.link.redis)),
      readings: { ...readings, rejected: { ...readings.rejected } },
      commands: { issued, open, ...ended, unexplained },
    };
  }
}
