import type { StoppedLane } from '@lamplighter/store/delivery/stopped-lanes';
import type { Device, KeptReading } from '@lamplighter/store/devices/devices';
import type { Settings, TelemetryInterval } from '@lamplighter/store/devices/settings';
import type { EdgeSetting } from '@lamplighter/store/edge/edge-settings';
import type { DeviceEffect } from '@lamplighter/store/effects/effects';
import { isoTime } from '../responses/iso-time.js';
import type { DeviceBody, DeviceDetail } from './device.schema.js';
import { edgeSettingBody } from './edge-rule.js';
import { orderBody } from './order-body.js';
import { telemetryIntervalBody } from './telemetry-interval.js';

/** A device as the API returns it. */
export function deviceBody({ last, ageMs, session, ...device }: Device): DeviceBody {
  return {
    fleet: device.fleet,
    device: device.device,
    lesson: device.lesson,
    presence: device.presence,
    ...(session && {
      session: {
        id: session.id,
        online: session.online,
        since: isoTime(session.since),
        telemetry: session.telemetry === 'keep' ? 'keep' : 'latest',
        ...(session.sleeps !== undefined && { sleepsMs: session.sleeps }),
      },
    }),
    ...(last && { last: readingBody(last) }),
    ...(ageMs !== undefined && { ageMs }),
    pendingCommands: device.pendingCommands,
  };
}

/** A single device with all its details. */
export function deviceDetail(
  device: Device,
  interval: TelemetryInterval,
  stoppedLanes: StoppedLane[],
  effects: readonly DeviceEffect[],
  edge: EdgeSetting,
  settings: Settings,
): DeviceDetail {
  const edgeRule = edgeSettingBody(edge);
  const telemetryInterval = telemetryIntervalBody(interval, device.ageMs);
  return {
    ...deviceBody(device),
    order: orderBody(device),
    ...(telemetryInterval && { telemetryInterval }),
    ...(edgeRule && { edgeRule }),
    settings,
    stoppedLanes,
    effects: effects.map((effect) => ({ ...effect, at: isoTime(effect.at) })),
  };
}

/** A reading as the API returns it. */
export function readingBody({ measurements, seq, at, receivedAt, late, history }: KeptReading) {
  return {
    measurements,
    ...(seq !== undefined && { seq }),
    ...(at !== undefined && { at: isoTime(at) }),
    receivedAt: isoTime(receivedAt),
    late,
    ...(history !== undefined && { history: true as const, why: history }),
  };
}
