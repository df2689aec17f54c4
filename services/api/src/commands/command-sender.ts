import type { IncomingHttpHeaders } from 'node:http';
import { defaultLane } from '@lamplighter/contracts/commands/command';
import type { PresenceState } from '@lamplighter/contracts/devices/presence';
import { durationMs } from '@lamplighter/contracts/duration';
import { enqueueCommand } from '@lamplighter/store/commands/enqueue-command';
import { type Command, readCommand } from '@lamplighter/store/commands/read-commands';
import { isKnownFleet } from '@lamplighter/store/fleets/fleets';
import { MAX_DEVICES_PER_FLEET, MAX_OPEN_COMMANDS } from '@lamplighter/store/keys';
import { Inject, Injectable } from '@nestjs/common';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { noSuchDevice, noSuchFleet } from '../problems/not-found.js';
import { Problem, retryAfter } from '../problems/problem.js';
import type { ProblemName } from '../problems/problem-types.js';
import type { AllowUnknownQuery, DevicePath } from '../requests/address.js';
import { StoreLink } from '../store/store-link.js';
import { ApiCommandRecorder } from './api-command-recorder.js';
import type { CommandRequest } from './command.schema.js';
import { idempotencyKey } from './idempotency-key.js';
import { traceOfRequest } from './trace-of-request.js';

/** What `send` may answer instead, for the description of an endpoint. */
export const SEND_PROBLEMS = [
  'invalid-request',
  'malformed-json',
  'no-such-fleet',
  'no-such-device',
  'device-unreachable',
  'fleet-full',
  'command-forgotten',
  'body-too-large',
  'unsupported-media-type',
  'idempotency-key-reused',
  'queue-full',
  'store-not-durable',
  'store-refuses-writes',
  'store-away',
] as const satisfies readonly ProblemName[];

/** A command as it was accepted; with the presence of its device then, unless it is that of an earlier request. */
export type SentCommand = Command & { readonly presence?: PresenceState };

/** Takes what clients want devices to do. */
@Injectable()
export class CommandSender {
  constructor(
    @Inject(StoreLink) private readonly link: StoreLink,
    @Inject(ApiMetrics) private readonly metrics: ApiMetrics,
    @Inject(ApiCommandRecorder) private readonly recorder: ApiCommandRecorder,
  ) {}

  /**
   * Puts a command into its device's durable queue: once it returns, the command is on disk.
   * A request with the idempotency key of an earlier one is answered with the command of that.
   * @throws Problem one of `SEND_PROBLEMS`
   */
  async send(
    { fleet, device }: DevicePath,
    request: CommandRequest,
    headers: IncomingHttpHeaders,
    { allowUnknown }: AllowUnknownQuery,
  ): Promise<SentCommand> {
    const redis = this.link.durableRedis;
    const { action, policy, lane = defaultLane(action), attempts, onFailure } = request;
    const key = idempotencyKey(headers);
    const traceparent = traceOfRequest(headers);
    const result = await enqueueCommand(redis, {
      fleet,
      device,
      lane,
      policy,
      ttl: durationMs(request.ttl)!,
      timeoutMs: durationMs(request.timeout)!,
      attempts,
      onFailure,
      action,
      traceparent,
      mustBeKnown: allowUnknown !== 'true',
      ...(key !== undefined && { idempotency: { key, request: JSON.stringify(request) } }),
    });
    switch (result.outcome) {
      case 'enqueued':
        this.recorder.recordEnqueued('api', { id: result.id, fleet, device, traceparent }, result, 'issued');
        return { ...result.command, presence: result.presence };
      case 'repeated': {
        const command = await readCommand(redis, result.id);
        if (command !== undefined) return command;
        throw new Problem('command-forgotten', `Command ${result.id} has ended and has been pruned.`);
      }
      case 'reused':
        throw new Problem('idempotency-key-reused', 'Use a new Idempotency-Key for a new command.');
      case 'full':
        this.metrics.refused.inc({ reason: 'queue_full' });
        throw new Problem(
          'queue-full',
          `Device "${device}" has ${MAX_OPEN_COMMANDS} open commands, the limit. Wait for some to end, or cancel them.`,
          {},
          retryAfter(5),
        );
      case 'unknown_device':
        this.metrics.refused.inc({ reason: 'unknown_device' });
        throw (await isKnownFleet(redis, fleet))
          ? noSuchDevice(fleet, device, { mayBeAllowed: true })
          : noSuchFleet(fleet, { mayBeAllowed: true });
      case 'unreachable':
        this.metrics.refused.inc({ reason: 'unreachable' });
        throw new Problem(
          'device-unreachable',
          `Device "${device}" is not online, and policy "now" does not wait. With another policy the command waits for the device.`,
        );
      case 'fleet_full':
        this.metrics.refused.inc({ reason: 'fleet_full' });
        throw new Problem(
          'fleet-full',
          `Fleet "${fleet}" has reached its limit of ${MAX_DEVICES_PER_FLEET} devices, so the new device "${device}" cannot be added.`,
        );
    }
  }
}
