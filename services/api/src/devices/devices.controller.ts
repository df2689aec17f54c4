import type { ServerResponse } from 'node:http';
import { stoppedLanes } from '@lamplighter/store/delivery/stopped-lanes';
import { listDevices, readDevice, readWindow } from '@lamplighter/store/devices/devices';
import { readSettings, readTelemetryInterval } from '@lamplighter/store/devices/settings';
import { readEdgeSetting } from '@lamplighter/store/edge/edge-settings';
import { readDeviceEffects } from '@lamplighter/store/effects/effects';
import { WINDOW_SIZE } from '@lamplighter/store/keys';
import { Controller, Delete, Get, Param, Query, Req, Res, type StreamableFile } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { expectFleet } from '../fleets/expect-fleet.js';
import { BODY_PROBLEMS, Exports, header, Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchDevice } from '../problems/not-found.js';
import { type DevicePath, devicePath, type FleetPath, fleetPath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { exportFormat, inSpan } from '../responses/export.js';
import { linkNext } from '../responses/page.js';
import { Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';
import {
  type DeviceDetail,
  deviceDetailSchema,
  devicePageSchema,
  devicesQuery,
  type TelemetryBody,
  telemetryQuery,
  telemetrySchema,
} from './device.schema.js';
import { deviceBody, deviceDetail, readingBody } from './device-body.js';
import { DeviceRemover, type RemovedDevice, removedDeviceSchema } from './device-remover.js';
import { exportReadings } from './export-readings.js';

@Resource('devices')
@Controller('v1/fleets/:fleet/devices')
export class DevicesController {
  constructor(
    private readonly link: StoreLink,
    private readonly remover: DeviceRemover,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the devices of a fleet by name, each with its last state' })
  @Responds(200, devicePageSchema, 'A page of devices', { Link: header('The next page, rel="next"') })
  @Problems('invalid-request', 'no-such-fleet')
  async listDevices(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: devicesQuery }) { limit, cursor, presence, effect }: z.infer<typeof devicesQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<z.infer<typeof devicePageSchema>> {
    const { redis } = this.link;
    const { devices, next } = await listDevices(redis, fleet, {
      limit,
      ...(cursor !== undefined && { after: cursor }),
      ...(presence !== undefined && { presence }),
      ...(effect !== undefined && { effect }),
    });
    if (devices.length === 0 && cursor === undefined && next === undefined) {
      await expectFleet(redis, fleet, {});
    }
    linkNext(request, response, next);
    return { devices: devices.map(deviceBody), ...(next !== undefined && { next }) };
  }

  @Get(':device')
  @ApiOperation({
    summary:
      'Get a device: last state and its age, presence, session, telemetry interval, edge rule, pending commands, stopped lanes, effects',
  })
  @Responds(200, deviceDetailSchema, 'The device')
  @Problems('invalid-request', 'no-such-device')
  async readDevice(@Param({ schema: devicePath }) { fleet, device }: DevicePath): Promise<DeviceDetail> {
    const { redis } = this.link;
    const [found, interval, stopped, effects, edge, settings] = await Promise.all([
      readDevice(redis, fleet, device),
      readTelemetryInterval(redis, fleet, device),
      stoppedLanes(redis, fleet, device),
      readDeviceEffects(redis, fleet, device),
      readEdgeSetting(redis, fleet, device),
      readSettings(redis, fleet, device),
    ]);
    if (found === undefined) throw noSuchDevice(fleet, device);
    return deviceDetail(found, interval, stopped, effects, edge, settings);
  }

  @Needs('devices')
  @Delete(':device')
  @ApiOperation({
    summary: 'Remove a device and everything stored about it',
    description:
      'Its open commands end first: as `cancelled`, or as `unknown` if they were dispatched. Then its state, readings, commands, rule ' +
      'states, settings and edge reports are deleted; its retained presence, its votes in quorums and its samples of rejected input ' +
      'follow within seconds. Its counts stay in the ledger of the fleet. Its account is revoked: within 2 s the broker ends its connection, ' +
      'and no other device gets its name. A device without an account of its own that reports again is a new device: stop it first if it is ' +
      '`online`. An actuator stays as it is: switch it off first.',
  })
  @Responds(200, removedDeviceSchema, 'The device is removed')
  @Problems(...BODY_PROBLEMS, 'no-such-device', 'store-refuses-writes', 'store-not-durable', 'store-away')
  removeDevice(@Param({ schema: devicePath }) path: DevicePath): Promise<RemovedDevice> {
    return this.remover.remove(path);
  }

  @Get(':device/telemetry')
  @ApiOperation({
    summary: 'List the latest readings of a device, newest first; the last 240 are stored',
    description:
      'With `Accept: text/csv` or `application/x-ndjson` the response is an export: all stored readings received between `from` and ' +
      '`to`, one line each, regardless of `limit`.',
  })
  @Responds(200, telemetrySchema, 'The readings')
  @Exports()
  @Problems('invalid-request', 'no-such-device')
  async readTelemetry(
    @Param({ schema: devicePath }) { fleet, device }: DevicePath,
    @Query({ schema: telemetryQuery }) { limit, ...span }: z.infer<typeof telemetryQuery>,
    @Req() request: HttpRequest,
  ): Promise<TelemetryBody | StreamableFile> {
    const { redis } = this.link;
    const isWanted = inSpan(span);
    const [found, kept] = await Promise.all([
      readDevice(redis, fleet, device),
      readWindow(redis, fleet, device, WINDOW_SIZE),
    ]);
    if (found === undefined) throw noSuchDevice(fleet, device);
    const wanted = kept.filter(({ receivedAt }) => isWanted(receivedAt));
    const format = exportFormat(request.headers);
    if (format !== undefined) return exportReadings(format, wanted.map(readingBody));
    const readings = wanted.slice(0, limit);
    return {
      fleet,
      device,
      presence: found.presence,
      ...(found.ageMs !== undefined && { ageMs: found.ageMs }),
      readings: readings.map(readingBody),
    };
  }
}
