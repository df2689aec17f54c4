import { BOUNDS } from '@lamplighter/contracts/bounds';
import {
  EDGE_BOUNDS,
  type EdgeDecision,
  type EdgeState,
  parseEdgeDecision,
} from '@lamplighter/contracts/edge/edge';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { DeviceEvent } from '../device-event.js';
import { type Change, entriesOf, type Storage } from '../storage/storage.js';
import type { Measurements } from '../telemetry/reading-count.js';

const KEY = 'edge:decision:';
const DROPPED_KEY = 'edge:dropped';
/** Bytes reserved for the rest of the report and the protocol keys of the reading. */
const RESERVED_BYTES = 700;
const PROTOCOL_KEYS = 5;

/** A report in a reading that is in flight. */
interface ReportInFlight {
  readonly ids: readonly number[];
  readonly state: EdgeState | undefined;
}

/**
 * The decisions of the edge rule that the server does not have yet. Each decision is stored before its action is executed, and
 * reported in the first readings after the link is back. It is deleted when the broker (policy `latest`) or the server (`keep`) has
 * that reading. Their number is bounded: the oldest decisions are dropped and counted.
 */
export class UnreportedDecisions {
  private readonly decisions = new Map<number, EdgeDecision>();
  private dropped: number;
  /** The rule state that the server must resume from; undefined if it has it, or if nothing was decided. */
  private state: EdgeState | undefined;
  private readonly reportsInFlight = new Map<number, ReportInFlight>();
  /** The report in the reading that is being published. */
  private offeredReport: ReportInFlight | undefined;
  private lastDropped: number | undefined;
  private newest: number | undefined;

  /** @param awaitsReceipt whether only a receipt proves that the server has a reading */
  constructor(
    storage: Storage,
    private readonly awaitsReceipt: boolean,
    private readonly write: (changes: Change[], how?: { durable?: boolean }) => void,
  ) {
    for (const [id, text] of entriesOf(storage, KEY)) {
      const decision = parseEdgeDecision(text);
      if (decision !== undefined) this.decisions.set(Number(id), decision);
    }
    this.dropped = Number(storage.get(DROPPED_KEY) ?? 0);
  }

  /** Number of unreported decisions. */
  get size(): number {
    return this.decisions.size;
  }

  /** Id of the newest decision, which approximates its time; 0 if there is none. */
  get newestId(): number {
    return [...this.decisions.keys()].at(-1) ?? 0;
  }

  /** `_seq` of the last reading; undefined before the first one. */
  get newestSeq(): number | undefined {
    return this.newest;
  }

  /** Adds a decision with the state after it, and writes `more` in the same change. Returns the id of the decision. */
  add(decision: Omit<EdgeDecision, 'id'>, state: EdgeState | undefined, more: Change[]): number {
    const id = Math.max(this.newestId + 1, decision.now);
    const changes: Change[] = [];
    for (const oldest of this.decisions.keys()) {
      if (this.decisions.size < EDGE_BOUNDS.maxDecisions) break;
      this.decisions.delete(oldest);
      this.dropped += 1;
      changes.push([KEY + oldest, undefined], [DROPPED_KEY, String(this.dropped)]);
    }
    const known = { ...decision, id };
    this.decisions.set(id, known);
    this.state = state;
    this.write([...changes, ...more, [KEY + id, textOf(known)]]);
    return id;
  }

  /** Adds fields to a decision that were not known when it was made. */
  complete(id: number, more: Pick<EdgeDecision, 'seq' | 'status'>): void {
    const decision = this.decisions.get(id);
    if (decision === undefined) return;
    const known = { ...decision, ...more };
    this.decisions.set(id, known);
    this.write([[KEY + id, textOf(known)]], { durable: false });
  }

  /** Drops the state: the server has decided since, so it has a newer one. */
  forgetState(): void {
    this.state = undefined;
  }

  /** Restores the state after a restart if decisions are unreported. */
  restoreState(state: EdgeState | undefined): void {
    if (this.decisions.size > 0) this.state = state;
  }

  /** The value of `_edge` in the next reading; undefined if there is nothing to report. Decisions are only sent while online. */
  report(rule: string, measurements: Measurements, online: boolean): Measurement | undefined {
    this.offeredReport = undefined;
    const { state, dropped } = this;
    if (state === undefined && this.decisions.size === 0) return undefined;
    if (Object.keys(measurements).length > BOUNDS.maxKeys - PROTOCOL_KEYS) return undefined;
    const ids: number[] = [];
    const texts: string[] = [];
    if (online) {
      let room = BOUNDS.maxReadingBytes - RESERVED_BYTES - Buffer.byteLength(JSON.stringify(measurements));
      for (const [id, decision] of this.unreported()) {
        const text = textOf(decision);
        room -= Buffer.byteLength(JSON.stringify(text)) + 1;
        if (room < 0 || ids.length === EDGE_BOUNDS.maxReported) break;
        ids.push(id);
        texts.push(text);
      }
      if (ids.length === 0 && state === undefined) return undefined;
      this.offeredReport = { ids, state };
    } else if (state === undefined) return undefined;
    return {
      rule,
      ...(state !== undefined && { state: state as unknown as Measurement }),
      ...(texts.length > 0 && { decisions: texts }),
      ...(dropped > 0 && { dropped }),
    };
  }

  /** Tracks the readings that carry reports. */
  onEvent(event: DeviceEvent): void {
    switch (event.event) {
      case 'dropped':
        this.lastDropped = event.seq;
        this.reportsInFlight.delete(event.seq);
        return;
      case 'taken':
        this.newest = event.seq;
        if (this.offeredReport !== undefined && this.lastDropped !== event.seq)
          this.reportsInFlight.set(event.seq, this.offeredReport);
        this.offeredReport = undefined;
        return;
      case 'settled':
        if (this.awaitsReceipt) return;
        for (const seq of event.seqs)
          if (event.outcome === 'acknowledged' || event.outcome === 'sent') this.removeReported(seq);
          else this.reportsInFlight.delete(seq);
        return;
      case 'receipt':
        for (const seq of event.stored) this.removeReported(seq);
        for (const seq of event.refused) this.reportsInFlight.delete(seq);
    }
  }

  private removeReported(seq: number): void {
    const flight = this.reportsInFlight.get(seq);
    if (flight === undefined) return;
    this.reportsInFlight.delete(seq);
    if (flight.state === this.state) this.state = undefined;
    for (const id of flight.ids) this.decisions.delete(id);
    if (flight.ids.length > 0) this.write(flight.ids.map((id) => [KEY + id, undefined]));
  }

  private *unreported(): Iterable<readonly [id: number, decision: EdgeDecision]> {
    const underWay = new Set([...this.reportsInFlight.values()].flatMap(({ ids }) => ids));
    for (const entry of this.decisions) if (!underWay.has(entry[0])) yield entry;
  }
}

/** A decision as it is reported. If it is too long, omits the action, which the server can look up, and then the evidence. */
function textOf(decision: EdgeDecision): string {
  const fits = (text: string) => text.length <= EDGE_BOUNDS.maxDecisionLength;
  const whole = JSON.stringify(decision);
  if (fits(whole)) return whole;
  const { action: _, ...known } = decision;
  const shorter = JSON.stringify(known);
  if (fits(shorter)) return shorter;
  const { because: __, ...least } = known;
  return JSON.stringify(least);
}
