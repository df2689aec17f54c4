import { deviceTopic, parseTopic } from '@lamplighter/contracts/topics';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { connectAsync } from 'mqtt';

/** One simulated lamp: what it measures, and how it answers a command; without an answer it stays silent. */
export interface Lamp {
  readonly device: string;
  readonly light: number;
  readonly acknowledgement?: 'succeeded' | 'failed';
  /** It announces itself and reports once, but takes no commands, and is gone after `goodbye`. */
  readonly isOffline?: boolean;
}

/** Many lamps of one fleet on a single connection, which each answer every dispatch of a command at once. */
export interface AcknowledgingLamps {
  /** The ids of the commands that each lamp was sent; a redelivery has the id of the first one. */
  commandsOf(device: string): string[];
  /** Those that are away say so. */
  announceOffline(): Promise<void>;
  /** Lamps that were sent a command. */
  reached(): string[];
}

/** Connects lamps that announce themselves and report their light. */
export async function connectLamps(fleet: TestFleet, lamps: readonly Lamp[]): Promise<AcknowledgingLamps> {
  const client = await connectAsync(fleet.url, { protocolVersion: 5, reconnectPeriod: 0 });
  closeLater('lamps', () => client.endAsync(true));
  client.on('error', () => undefined);
  const answers = new Map(lamps.map(({ device, acknowledgement: answer }) => [device, answer]));
  const commands = new Map<string, Set<string>>();
  client.on('message', (topic, payload) => {
    const { device } = parseTopic(topic)!;
    const { id } = (JSON.parse(payload.toString()) as { _cmd: { id: string } })._cmd;
    commands.set(device, (commands.get(device) ?? new Set()).add(id));
    const status = answers.get(device);
    if (status === undefined) return;
    const answer = JSON.stringify({ id, status });
    client.publish(deviceTopic(fleet.name, 'acknowledgements', device), answer, { qos: 1 });
  });
  const online = lamps.filter(({ isOffline: isAway }) => !isAway);
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
      const offline = lamps.filter(({ isOffline: isAway }) => isAway);
      await Promise.all(
        offline.map(({ device }) => publish('presence', device, { online: false, session: 1 })),
      );
    },
    reached: () => [...commands.keys()].toSorted(),
  };
}
