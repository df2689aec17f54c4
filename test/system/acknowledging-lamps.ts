import { deviceTopic, parseTopic } from '@lamplighter/contracts/topics';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { connectAsync } from 'mqtt';

/** A lamp: its reading, and its acknowledgement of each command, if any. */
export interface Lamp {
  readonly device: string;
  readonly light: number;
  readonly acknowledgement?: 'succeeded' | 'failed';
  /** It publishes a birth and a reading but takes no commands, and goes offline with `announceOffline`. */
  readonly isOffline?: boolean;
}

/** Many lamps of one fleet on a single connection, which acknowledge every dispatch immediately. */
export interface AcknowledgingLamps {
  /** The ids of the commands that a lamp received; a repeated dispatch has the same id. */
  commandsOf(device: string): string[];
  /** Publishes the goodbyes of the offline lamps. */
  announceOffline(): Promise<void>;
  /** The lamps that received a command. */
  reached(): string[];
}

/** Connects lamps, and publishes a birth and a reading of each one. */
export async function connectLamps(fleet: TestFleet, lamps: readonly Lamp[]): Promise<AcknowledgingLamps> {
  const client = await connectAsync(fleet.url, { protocolVersion: 5, reconnectPeriod: 0 });
  closeLater('lamps', () => client.endAsync(true));
  client.on('error', () => undefined);
  const statuses = new Map(lamps.map(({ device, acknowledgement }) => [device, acknowledgement]));
  const commands = new Map<string, Set<string>>();
  client.on('message', (topic, payload) => {
    const { device } = parseTopic(topic)!;
    const { id } = (JSON.parse(payload.toString()) as { _cmd: { id: string } })._cmd;
    commands.set(device, (commands.get(device) ?? new Set()).add(id));
    const status = statuses.get(device);
    if (status === undefined) return;
    const acknowledgement = JSON.stringify({ id, status });
    client.publish(deviceTopic(fleet.name, 'acknowledgements', device), acknowledgement, { qos: 1 });
  });
  const online = lamps.filter(({ isOffline }) => !isOffline);
  if (online.length > 0) {
    const topics = online.map(({ device }) => deviceTopic(fleet.name, 'commands', device));
    await client.subscribeAsync(topics, { qos: 1 });
  }
  const publish = (kind: 'presence' | 'telemetry', device: string, message: object) =>
    client.publishAsync(deviceTopic(fleet.name, kind, device), JSON.stringify(message), {
      qos: 1,
      retain: kind === 'presence',
    });
  await Promise.all(lamps.map(({ device }) => publish('presence', device, { online: true, session: 1 })));
  await Promise.all(lamps.map(({ device, light }) => publish('telemetry', device, { light })));
  return {
    commandsOf: (device) => [...(commands.get(device) ?? [])],
    async announceOffline() {
      const offline = lamps.filter(({ isOffline }) => isOffline);
      await Promise.all(
        offline.map(({ device }) => publish('presence', device, { online: false, session: 1 })),
      );
    },
    reached: () => [...commands.keys()].toSorted(),
  };
}
