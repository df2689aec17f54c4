import { deviceTopic } from '@lamplighter/contracts/topics';
import { publishPacket } from '../wire/packets.js';
import { deviceName } from './readings.js';

/** The birth of a device. */
export function birthPacket(fleet: string, device: number, packetId: number): Buffer {
  const birth = Buffer.from(JSON.stringify({ online: true, session: Date.now() }));
  return publishPacket(deviceTopic(fleet, 'presence', deviceName(device)), birth, 1, packetId);
}

/** The acknowledgement of a command, which a device that has published its birth sends. */
export function acknowledgementPacket(
  fleet: string,
  device: number,
  command: Buffer,
  packetId: number,
): Buffer {
  const { _cmd } = JSON.parse(command.toString()) as { _cmd?: { id: string } };
  const acknowledgement = Buffer.from(JSON.stringify({ id: _cmd?.id, status: 'succeeded' }));
  const topic = deviceTopic(fleet, 'acknowledgements', deviceName(device));
  return publishPacket(topic, acknowledgement, 1, packetId);
}
