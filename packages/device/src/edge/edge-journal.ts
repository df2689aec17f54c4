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
/** What a report needs beside the decisions, and a reading beside its measurements, bytes at most. */
const ROOM_FOR_THE_REST = 700;
const KEYS_OF_THE_PROTOCOL = 5;

/** A reading on its way that carries a report: the decisions in it, and the state. */
interface Flight {
  readonly ids: readonly number[];
  readonly state: EdgeState | undefined;
}

/**
 * What a device decided by itself, until the server has it. Decisions are in the storage before they are carried out; they ride in
 * the first readings after the link is back, and leave when the broker (policy `latest`) or the server (`keep`) has such a reading. Bounded: the
 * oldest make room, and are counted.
 */
export class EdgeJournal {
  private readonly decisions = new Map<number, EdgeDecision>();
  private dropped: number;
  /** What the server is to go on from; undefined if it knows, or nothing was decided. */
  private state: EdgeState | undefined;
  private readonly flights = new Map<number, Flight>();
  /** The report of the reading that is being taken. */
  private offered: Flight | undefined;
  private lastDropped: number | undefined;
  private newest: number | undefined;

  /** @param keeps whether only a receipt says that the server has a reading */
  constructor(
    storage: Storage,
    private readonly keeps: boolean,
    private readonly write: (changes: Change[], how?: { durable?: boolean }) => void,
  ) {
    for (const [id, text] of entriesOf(storage, KEY)) {
      const decision = parseEdgeDecision(text);
      if (decision !== undefined) this.decisions.set(Number(id), decision);
    }
    this.dropped = Number(storage.get(DROPPED_KEY) ?? 0);
  }

  /** Decisions that are still to be reported. */
  get size(): number {
    return this.decisions.size;
  }

  /** Of the last decision that is kept, about when it was taken; 0 if there is none. */
  get newestId(): number {
    return [...this.decisions.keys()].at(-1) ?? 0;
  }

  /** `_seq` of the last reading; undefined if there was none yet. */
  get newestSeq(): number | undefined {
    return this.newest;
  }

  /** Adds a decision and the state after it, and what else belongs to the same change; its id. */
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

  /** Adds to a decision what was not known at once. */
  complete(id: number, more: Pick<EdgeDecision, 'seq' | 'status'>): void {
    const decision = this.decisions.get(id);
    if (decision === undefined) return;
    const known = { ...decision, ...more };
    this.decisions.set(id, known);
    this.write([[KEY + id, textOf(known)]], { durable: false });
  }

  /** The server has decided anew: it need not know any more from what to go on. */
  forgetState(): void {
    this.state = undefined;
  }

  /** After a restart, what is not reported yet still has its state. */
  remember(state: EdgeState | undefined): void {
    if (this.decisions.size > 0) this.state = state;
  }

  /** What the next reading is to carry under `_edge`; undefined if there is nothing. Decisions only go where they arrive. */
  report(rule: string, measurements: Measurements, online: boolean): Measurement | undefined {
    this.offered = undefined;
    const { state, dropped } = this;
    if (state === undefined && this.decisions.size === 0) return undefined;
    if (Object.keys(measurements).length > BOUNDS.maxKeys - KEYS_OF_THE_PROTOCOL) return undefined;
    const ids: number[] = [];
    const texts: string[] = [];
    if (online) {
      let room = BOUNDS.maxReadingBytes - ROOM_FOR_THE_REST - Buffer.byteLength(JSON.stringify(measurements));
      for (const [id, decision] of this.unreported()) {
        const text = textOf(decision);
        room -= Buffer.byteLength(JSON.stringify(text)) + 1;
        if (room < 0 || ids.length === EDGE_BOUNDS.maxReported) break;
        ids.push(id);
        texts.push(text);
      }
      if (ids.length === 0 && state === undefined) return undefined;
      this.offered = { ids, state };
    } else if (state === undefined) return undefined;
    return {
      rule,
      ...(state !== undefined && { state: state as unknown as Measurement }),
      ...(texts.length > 0 && { decisions: texts }),
      ...(dropped > 0 && { dropped }),
    };
  }

  /** Follows what becomes of readings. */
  note(event: DeviceEvent): void {
    switch (event.event) {
      case 'dropped':
        this.lastDropped = event.seq;
        this.flights.delete(event.seq);
        return;
      case 'taken':
        this.newest = event.seq;
        if (this.offered !== undefined && this.lastDropped !== event.seq)
          this.flights.set(event.seq, this.offered);
        this.offered = undefined;
        return;
      case 'settled':
        if (this.keeps) return;
        for (const seq of event.seqs)
          if (event.outcome === 'acknowledged' || event.outcome === 'sent') this.arrived(seq);
          else this.flights.delete(seq);
        return;
      case 'receipt':
        for (const seq of event.stored) this.arrived(seq);
        for (const seq of event.refused) this.flights.delete(seq);
    }
  }

  private arrived(seq: number): void {
    const flight = this.flights.get(seq);
    if (flight === undefined) return;
    this.flights.delete(seq);
    if (flight.state === this.state) this.state = undefined;
    for (const id of flight.ids) this.decisions.delete(id);
    if (flight.ids.length > 0) this.write(flight.ids.map((id) => [KEY + id, undefined]));
  }

  private *unreported(): Iterable<readonly [id: number, decision: EdgeDecision]> {
    const underWay = new Set([...this.flights.values()].flatMap(({ ids }) => ids));
    for (const entry of this.decisions) if (!underWay.has(entry[0])) yield entry;
  }
}

/** As it is reported. What makes it too long is left out: first the action, which the server can look up, then what was seen. */
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
