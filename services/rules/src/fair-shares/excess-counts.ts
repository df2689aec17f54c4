import type { InputKind } from '@lamplighter/contracts/telemetry/input-fault';
import type { Excess } from './fair-shares.js';

/** Topics that are counted separately, per second; the others share one entry. */
const MAX_TOPICS = 1000;
const SEQ = Buffer.from('"_seq":');

/** Rejected messages of one topic. */
export interface ExcessCount {
  readonly kind: InputKind;
  readonly reasons: Record<Excess, number>;
  /** Readings with a sequence number that their device will not send again. */
  own: number;
}

/** Counts rejected messages with one look-up for each, so that a flood is cheap. */
export class ExcessCounts {
  private topics = new Map<string, ExcessCount>();

  /**
   * Counts a message.
   * @param kindOf called for a topic that was not counted before
   * @returns its count, and whether this is the first message of a topic
   */
  add(topic: string, reason: Excess, kindOf: (topic: string) => InputKind): [ExcessCount, boolean] {
    let count = this.topics.get(topic);
    const isFirst = count === undefined && this.topics.size < MAX_TOPICS;
    if (count === undefined) {
      const kind = kindOf(topic);
      const key = isFirst ? topic : kind; // no topic is named like a kind
      count = this.topics.get(key) ?? {
        kind,
        reasons: { device_rate: 0, fleet_rate: 0, new_device_rate: 0 },
        own: 0,
      };
      this.topics.set(key, count);
    }
    count.reasons[reason] += 1;
    return [count, isFirst];
  }

  /** The counts since the last call, by topic; those of other topics by kind. */
  take(): ReadonlyMap<string, ExcessCount> {
    const taken = this.topics;
    this.topics = new Map();
    return taken;
  }
}

/** The number of readings with a sequence number in a payload that is not parsed. */
export function sequencesIn(payload: Buffer): number {
  let count = 0;
  for (let at = payload.indexOf(SEQ); at !== -1; at = payload.indexOf(SEQ, at + SEQ.length)) count += 1;
  return count;
}
