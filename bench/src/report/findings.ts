import type { FixedRate } from '../scenarios/fixed-rate.js';
import type { Flood } from '../scenarios/flood.js';
import type { Qos } from '../wire/packets.js';

/** Everything that one run measured at one QoS. What was not asked for is empty. */
export interface Findings {
  readonly qos: Qos;
  /** Readings per second, by service. */
  readonly sustained: ReadonlyMap<string, number>;
  readonly cpu: readonly FixedRate[];
  readonly latency: readonly FixedRate[];
  readonly floods: readonly Flood[];
}
