import type { Broker } from '@lamplighter/device/connection/broker';
import { Connection, type ConnectionEnd, ConnectionLost } from '@lamplighter/device/connection/connection';

/** The broker is unreachable, refuses the connection, or the connection was lost. */
export class Outage extends Error {
  override readonly name = 'Outage';
  constructor(readonly end: ConnectionEnd) {
    super(end.reason);
  }
}

const KEEP_ALIVE_SECONDS = 10;
const END_MS = 2000;
/** PUBACK reason code 16. */
const NO_MATCHING_SUBSCRIBERS = 16;

/** A connection of the simulator itself. */
export class BrokerLink {
  private constructor(
    private readonly connection: Connection,
    /** Settles when the connection ends. Never rejects. */
    readonly ended: Promise<ConnectionEnd>,
  ) {}

  /** @throws Outage */
  static open(broker: Broker, clientId: string): Promise<BrokerLink> {
    return new Promise((resolve, reject) => {
      let isOver = (_end: ConnectionEnd) => {};
      const ended = new Promise<ConnectionEnd>((settle) => {
        isOver = settle;
      });
      const connection: Connection = new Connection(
        { broker, clientId, keepAliveSeconds: KEEP_ALIVE_SECONDS },
        {
          onOpen: () => resolve(new BrokerLink(connection, ended)),
          onMessage: () => {},
          onEnd: (end) => {
            isOver(end);
            reject(new Outage(end));
          },
        },
      );
    });
  }

  /**
   * Checks whether a topic has a subscriber; `denied` if this account may not publish to it.
   * @throws Outage
   */
  findSubscriber(topic: string): Promise<'found' | 'none' | 'denied'> {
    return new Promise((resolve, reject) => {
      this.connection.publish(topic, '', { qos: 1 }, (error, reasonCode) => {
        if (error instanceof ConnectionLost) reject(lost(error));
        else if (error) resolve('denied');
        else resolve(reasonCode === NO_MATCHING_SUBSCRIBERS ? 'none' : 'found');
      });
    });
  }

  /** @throws Outage */
  listen(topic: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.connection.subscribe(topic, (error) => (error ? reject(lost(error)) : resolve()));
    });
  }

  /** Disconnects; settles when that is done. */
  async close(): Promise<void> {
    this.connection.end(END_MS);
    await this.ended;
  }
}

const lost = ({ message }: Error) => new Outage({ cause: 'lost', reason: message });
