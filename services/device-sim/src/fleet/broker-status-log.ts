import type { ConnectionEnd } from '@lamplighter/device/connection/connection';
import type { Logger } from '@lamplighter/service-kit/log/logger';

/** Logs the availability of the broker, once per change. */
export class BrokerStatusLog {
  private trouble: ConnectionEnd['cause'] | undefined;

  /** @param address of the broker, without credentials */
  constructor(
    private readonly logger: Logger,
    private readonly address: string,
    private readonly account: string,
  ) {}

  /** The current problem; undefined if there is none. */
  get problem(): string | undefined {
    if (this.trouble === undefined) return undefined;
    if (this.trouble === 'refused') return `broker at ${this.address} refuses ${this.account}`;
    return `cannot reach broker at ${this.address}`;
  }

  /** Records that no device is connected. */
  outage({ cause, reason }: ConnectionEnd): void {
    // A failed attempt after a loss belongs to the same outage.
    const kind = cause === 'lost' ? 'unreachable' : cause;
    if (this.trouble === kind) return;
    this.trouble = kind;
    const problem = `${this.problem} (${reason})`;
    if (kind === 'refused') this.logger.error(`${problem}; retrying; check MQTT_URL and FLEET`);
    else this.logger.warn(`${problem}; retrying`);
  }

  connected(): void {
    if (this.trouble === undefined) return;
    this.trouble = undefined;
    this.logger.info(`broker at ${this.address} is available again`);
  }
}
