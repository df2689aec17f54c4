import type { Device, KeptReading } from '@lamplighter/store/devices';
import { isoTime } from '../iso-time.js';
import type { DeviceBody } from './device.schema.js';

/** A device as the API shows it: the store's, with its times in ISO 8601. */
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
      },
    }),
    ...(last && { last: readingBody(last) }),
    ...(ageMs !== undefined && { ageMs }),
    pendingCommands: device.pendingCommands,
  };
}

/** A reading as the API shows it. */
export function readingBody({ measurements, seq, at, receivedAt, late }: KeptReading) {
  return {
    measurements,
    ...(seq !== undefined && { seq }),
    ...(at !== undefined && { at: isoTime(at) }),
    receivedAt: isoTime(receivedAt),
    late,
  };
}
