import type { ServerResponse } from 'node:http';
import {
  enrolDevices,
  listAccounts,
  MAX_ACCOUNTS,
  NamesTaken,
  readAccount,
  renewPassword,
  setAccountState,
  TooManyAccounts,
} from '@lamplighter/store/accounts/device-accounts';
import { fleetsAmong } from '@lamplighter/store/fleets/fleets';
import { Body, Controller, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { BODY_PROBLEMS, header, Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchAccount } from '../problems/not-found.js';
import { Problem } from '../problems/problem.js';
import { type DevicePath, devicePath, type FleetPath, fleetPath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { linkNext } from '../responses/page.js';
import { Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';
import {
  type AccountBody,
  accountBody,
  accountChangeSchema,
  accountPageSchema,
  accountSchema,
  accountsQuery,
  devicePasswordSchema,
  enrolledDevicesSchema,
  type NewDevices,
  newDevicesSchema,
} from './account.schema.js';

const WRITE_PROBLEMS = [...BODY_PROBLEMS, 'store-refuses-writes', 'store-not-durable', 'store-away'] as const;
/** Names in the detail of a problem. */
const MAX_NAMED = 5;

@Needs('devices')
@Resource('accounts')
@Controller('v1/fleets/:fleet')
export class AccountsController {
  constructor(private readonly link: StoreLink) {}

  @Post('devices')
  @ApiOperation({
    summary: 'Enrol devices: give each an account of its own at the broker',
    description:
      'All devices are enrolled or none. The user name of a device is its name, which is therefore unique in the installation; the name ' +
      'of a removed device is not given to another one. The passwords are returned only in this response. Within 2 s the broker accepts them.',
  })
  @Responds(201, enrolledDevicesSchema, 'The devices and their passwords')
  @Problems(...WRITE_PROBLEMS, 'name-taken', 'too-many-accounts')
  async enrolDevices(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Body({ schema: newDevicesSchema }) { devices }: NewDevices,
  ): Promise<z.infer<typeof enrolledDevicesSchema>> {
    const redis = this.link.durableRedis;
    // The accounts of fleets have the names of the fleets.
    const fleets = await fleetsAmong(redis, [...devices]);
    const own = devices.includes(fleet) && !fleets.includes(fleet) ? [fleet] : [];
    if (fleets.length + own.length > 0)
      throw new Problem('name-taken', `These names belong to fleets: ${listed([...fleets, ...own])}.`);
    try {
      const passwords = await enrolDevices(redis, fleet, devices);
      return { devices: passwords.map((each) => ({ fleet, ...each })) };
    } catch (error) {
      if (error instanceof NamesTaken)
        throw new Problem(
          'name-taken',
          `These names have, or had, an account in this installation: ${listed(error.devices)}. No device was enrolled.`,
        );
      if (error instanceof TooManyAccounts)
        throw new Problem(
          'too-many-accounts',
          `An installation can have ${MAX_ACCOUNTS} device accounts. No device was enrolled; remove some first.`,
        );
      throw error;
    }
  }

  @Needs('read')
  @Get('accounts')
  @ApiOperation({ summary: 'List the device accounts of a fleet by name' })
  @Responds(200, accountPageSchema, 'A page of accounts', { Link: header('The next page, rel="next"') })
  @Problems('invalid-request')
  async listAccounts(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: accountsQuery }) { limit, cursor }: z.infer<typeof accountsQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<z.infer<typeof accountPageSchema>> {
    const options = { limit, ...(cursor !== undefined && { after: cursor }) };
    const { accounts, next } = await listAccounts(this.link.redis, fleet, options);
    linkNext(request, response, next);
    return { accounts: accounts.map(accountBody), ...(next !== undefined && { next }) };
  }

  @Needs('read')
  @Get('devices/:device/account')
  @ApiOperation({ summary: 'Get the account of a device' })
  @Responds(200, accountSchema, 'The account')
  @Problems('invalid-request', 'no-such-account')
  async readAccount(@Param({ schema: devicePath }) { fleet, device }: DevicePath): Promise<AccountBody> {
    return found({ fleet, device }, await readAccount(this.link.redis, fleet, device));
  }

  @Put('devices/:device/account')
  @ApiOperation({
    summary: 'Enable or disable the account of a device',
    description:
      'Within 2 s the broker ends the connection of a disabled device and refuses new ones. Its data and its open commands remain: ' +
      'commands wait for the device until they expire. To remove it with everything, use DELETE on the device.',
  })
  @Responds(200, accountSchema, 'The account after the change')
  @Problems(...WRITE_PROBLEMS, 'no-such-account')
  async changeAccount(
    @Param({ schema: devicePath }) { fleet, device }: DevicePath,
    @Body({ schema: accountChangeSchema }) { enabled }: z.infer<typeof accountChangeSchema>,
  ): Promise<AccountBody> {
    const state = enabled ? 'enabled' : 'disabled';
    return found({ fleet, device }, await setAccountState(this.link.durableRedis, fleet, device, state));
  }

  @Post('devices/:device/account/password')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Replace the password of a device',
    description:
      'The new password is returned only in this response. Within 2 s the broker accepts it, refuses the earlier one, and ends a connection ' +
      'that used it.',
  })
  @Responds(200, devicePasswordSchema, 'The new password')
  @Problems(...WRITE_PROBLEMS, 'no-such-account')
  async renewPassword(
    @Param({ schema: devicePath }) { fleet, device }: DevicePath,
  ): Promise<z.infer<typeof devicePasswordSchema>> {
    const renewed = await renewPassword(this.link.durableRedis, fleet, device);
    if (renewed === undefined) throw noSuchAccount(fleet, device);
    return { fleet, ...renewed };
  }
}

function found(
  { fleet, device }: DevicePath,
  account: Parameters<typeof accountBody>[0] | undefined,
): AccountBody {
  if (account === undefined) throw noSuchAccount(fleet, device);
  return accountBody(account);
}

/** `a, b, c, d, e and 3 more` */
function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
