import type { ConnectionEnd } from '@lamplighter/device/connection/connection';
import type { Logger } from '@lamplighter/service-kit/logger';

/** Tells the log how the broker is, once per change, however many devices notice. */
export class BrokerJournal {
  private trouble: ConnectionEnd['cause'] | undefined;

  /** @param address of the broker, without credentials */
  constructor(
    private readonly logger: Logger,
    private readonly address: string,
    private readonly account: string,
  ) {}

  /** What is wrong, in words; undefined as long as all is well. */
  get problem(): string | undefined {
    if (this.trouble === undefined) return undefined;
    if (this.trouble === 'refused') return `the broker at ${this.address} refuses ${this.account}`;
    return `the broker at ${this.address} cannot be reached`;
  }

  /** Nothing of ours is connected, for this reason. */
  outage({ cause, reason }: ConnectionEnd): void {
    // An attempt that fails after a loss is the same outage.
    const kind = cause === 'lost' ? 'unreachable' : cause;
    if (this.trouble === kind) return;
    this.trouble = kind;
    const problem = `${this.problem} (${reason})`;
    if (kind === 'refused') this.logger.error(`${problem}: check MQTT_URL and FLEET; trying again`);
    else this.logger.warn(`${problem}; trying again`);
  }

  reached(): void {
    if (this.trouble === undefined) return;
    this.trouble = undefined;
    this.logger.info(`the broker at ${this.address} is back`);
  }
}
