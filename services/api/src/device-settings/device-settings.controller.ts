import type { ServerResponse } from 'node:http';
import { type Action, DEFAULT_ATTEMPTS } from '@lamplighter/contracts/commands/command';
import { EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import { edgeRuleAction } from '@lamplighter/evaluation/rule/edge-rule';
import { saveSetting } from '@lamplighter/store/devices/settings';
import { setEdgeRule } from '@lamplighter/store/edge/edge-settings';
import { readRule } from '@lamplighter/store/rules/rules';
import { Body, Controller, HttpCode, Param, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { type CommandBody, commandSchema } from '../commands/command.schema.js';
import { commandBody } from '../commands/command-body.js';
import { CommandSender } from '../commands/command-sender.js';
import { type DeviceSettings, SETTINGS, settingsSchema } from '../devices/device-settings.js';
import { header, Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchRule } from '../problems/not-found.js';
import { Problem } from '../problems/problem.js';
import {
  type AllowUnknownQuery,
  allowUnknownQuery,
  type DevicePath,
  devicePath,
} from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';

/** A device that is offline for longer keeps its old setting, which the API shows. */
const TTL = '7d';
const COMMANDS = [...SETTINGS, { actionKey: EDGE_RULE_KEY, lane: EDGE_RULE_KEY }]
  .map(({ actionKey, lane }) => `\`{"${actionKey}": …}\` on lane \`${lane}\``)
  .join(', or ');

interface Caller {
  readonly request: HttpRequest;
  readonly query: AllowUnknownQuery;
}

@Resource('devices')
@Controller('v1/fleets/:fleet/devices/:device/settings')
export class DeviceSettingsController {
  constructor(
    private readonly link: StoreLink,
    private readonly sender: CommandSender,
  ) {}

  @Needs('command')
  @Put()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Set the telemetry interval or the edge rule of a device',
    description:
      `Sends the setting to the device as a command with a ttl of ${TTL}: ${COMMANDS}. A newer setting supersedes a pending one. The ` +
      'device resource shows the setting with its confirmed or measured value. New versions of the edge rule are sent automatically.',
  })
  @Responds(202, commandSchema, 'The command that carries the setting', {
    Location: header('URL of the command'),
  })
  @Problems(
    'invalid-request',
    'malformed-json',
    'no-such-fleet',
    'no-such-device',
    'no-such-rule',
    'fleet-full',
    'body-too-large',
    'unsupported-media-type',
    'queue-full',
    'store-not-durable',
    'store-refuses-writes',
    'store-away',
  )
  async changeSettings(
    @Param({ schema: devicePath }) address: DevicePath,
    @Query({ schema: allowUnknownQuery }) query: AllowUnknownQuery,
    @Body({ schema: settingsSchema }) settings: DeviceSettings,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<CommandBody> {
    const command =
      settings.edgeRule === undefined
        ? await this.setValue(address, settings, { request, query })
        : await this.setEdgeRule(address, settings.edgeRule, { request, query });
    response.setHeader('Location', `/v1/commands/${command.id}`);
    return commandBody(command);
  }

  // The command comes first because it may be rejected. If the process dies before the setting is written, the client gets no
  // response and repeats the request.

  private async setValue(address: DevicePath, settings: Readonly<Record<string, unknown>>, caller: Caller) {
    const setting = SETTINGS.find(({ name }) => settings[name] !== undefined)!;
    const written = settings[setting.name];
    const value = written === null ? null : setting.toSent(written);
    const command = await this.sendSetting(address, { [setting.actionKey]: value }, setting.lane, caller);
    await saveSetting(this.link.durableRedis, address, setting, value);
    return command;
  }

  private async setEdgeRule(address: DevicePath, id: string | null, caller: Caller) {
    const { fleet, device } = address;
    let action: Action = { [EDGE_RULE_KEY]: null };
    let sent: string | null = null;
    if (id !== null) {
      const stored = await readRule(this.link.redis, fleet, id);
      if (stored === undefined || 'unreadable' in stored) throw noSuchRule(fleet, id);
      const { version, since, rule } = stored;
      const fit = edgeRuleAction(device, { version, since, rule });
      if ('problem' in fit) throw ruleCannotRun(fit.problem);
      action = fit.action;
      sent = `${id}@${version}`;
    }
    const command = await this.sendSetting(address, action, EDGE_RULE_KEY, caller);
    await setEdgeRule(this.link.durableRedis, fleet, device, { rule: id, sent });
    return command;
  }

  private sendSetting(address: DevicePath, action: Action, lane: string, { request, query }: Caller) {
    const delivery = { policy: 'latest', ttl: TTL, timeout: '1m', attempts: DEFAULT_ATTEMPTS } as const;
    return this.sender.send(
      address,
      { action, lane, ...delivery },
      { headers: {}, apiKey: request.apiKey },
      query,
    );
  }
}

function ruleCannotRun(detail: string): Problem {
  return new Problem('invalid-request', 'The rule cannot run on the device; see errors.', {
    errors: [{ in: 'body', pointer: '/edgeRule', detail }],
  });
}
