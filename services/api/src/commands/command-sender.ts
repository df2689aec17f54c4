import { defaultLane } from '@lamplighter/contracts/commands/command';
import type { PresenceState } from '@lamplighter/contracts/devices/presence';
import { durationMs } from '@lamplighter/contracts/duration';
import { enqueueCommand } from '@lamplighter/store/commands/enqueue-command';
import { type Command, readCommand } from '@lamplighter/store/commands/read-commands';
import { isKnownFleet } from '@lamplighter/store/fleets/fleets';
import { MAX_DEVICES_PER_FLEET, MAX_OPEN_COMMANDS } from '@lamplighter/store/keys';
import { Injectable } from '@nestjs/common';
import { ApiCommandRecorder } from '../command-records/api-command-recorder.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { noSuchDevice, noSuchFleet } from '../problems/not-found.js';
import { Problem, retryAfter } from '../problems/problem.js';
import type { ProblemName } from '../problems/problem-types.js';
import type { AllowUnknownQuery, DevicePath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { StoreLink } from '../store/store-link.js';
import type { CommandRequest } from './command.schema.js';
import { idempotencyKey } from './idempotency-key.js';
import { traceOfRequest } from './trace-of-request.js';

/** Problems that `send` may throw, for the description of an endpoint. */
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

/** An accepted command, with the presence of its device at that time unless an earlier request created it. */
export type SentCommand = Command & { readonly presence?: PresenceState };

/** Accepts commands from clients. */
@Injectable()
export class CommandSender {
  constructor(
    private readonly link: StoreLink,
    private readonly metrics: ApiMetrics,
    private readonly recorder: ApiCommandRecorder,
  ) {}

  /**
   * Stores a command in the durable queue of its device. When this returns, the command is on disk.
   * A request with the idempotency key of an earlier request returns the command of that request.
   * @throws Problem one of `SEND_PROBLEMS`
   */
  async send(
    { fleet, device }: DevicePath,
    request: CommandRequest,
    { headers, apiKey }: Pick<HttpRequest, 'headers' | 'apiKey'>,
    { allowUnknown }: AllowUnknownQuery,
  ): Promise<SentCommand> {
    const redis = this.link.durableRedis;
    const { action, policy, lane = defaultLane(action), attempts, onFailure } = request;
    const idempotent = idempotencyKey(headers);
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
      key: apiKey?.id,
      mustBeKnown: allowUnknown !== 'true',
      ...(idempotent !== undefined && { idempotency: { key: idempotent, request: JSON.stringify(request) } }),
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
        this.metrics.rejected.inc({ reason: 'queue_full' });
        throw new Problem(
          'queue-full',
          `Device "${device}" has reached its limit of ${MAX_OPEN_COMMANDS} open commands. Wait for some to end, or cancel them.`,
          {},
          retryAfter(5),
        );
      case 'unknown_device':
        this.metrics.rejected.inc({ reason: 'unknown_device' });
        throw (await isKnownFleet(redis, fleet))
          ? noSuchDevice(fleet, device, { mayBeAllowed: true })
          : noSuchFleet(fleet, { mayBeAllowed: true });
      case 'unreachable':
        this.metrics.rejected.inc({ reason: 'unreachable' });
        throw new Problem(
          'device-unreachable',
          `Device "${device}" is not online, and policy "now" does not wait. Use another policy to queue the command.`,
        );
      case 'fleet_full':
        this.metrics.rejected.inc({ reason: 'fleet_full' });
        throw new Problem(
          'fleet-full',
          `Fleet "${fleet}" has reached its limit of ${MAX_DEVICES_PER_FLEET} devices, so the new device "${device}" cannot be added.`,
        );
    }
  }
}
