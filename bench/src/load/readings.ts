import { deviceTopic } from '@lamplighter/contracts/topics';
import { publishPacket, type Qos } from '../wire/packets.js';

/** Light below 300 switches the lamp on. Both levels are outside any hysteresis around it. */
const DARK = 150;
const BRIGHT = 450;
/** Light varies by this much, so that consecutive readings differ. */
const NOISE = 100;
const SEQ_DIGITS = 16;
/** The last digits of `_seq` count within a run; the ones before identify the run. */
const SEQ_COUNTER_DIGITS = 8;
const NAME_DIGITS = 5;

/** The name of a device by its index. */
export function deviceName(device: number): string {
  return `bench-${String(device).padStart(NAME_DIGITS, '0')}`;
}

/** The index of the device whose name ends at `end`. */
export function deviceIndex(chunk: Buffer, end: number): number {
  let index = 0;
  for (let at = end - NAME_DIGITS; at < end; at += 1) index = index * 10 + (chunk[at]! - 48);
  return index;
}

/**
 * The PUBLISH packets of a fleet, encoded once: all readings have the same length, and only their digits change. `_seq` starts
 * at the time in microseconds, so that it grows from run to run.
 */
export class Readings {
  readonly packetBytes: number;
  private readonly templates: Buffer;
  private readonly packetIdAt: number;
  private readonly lightAt: number;
  private readonly seqAt: number;
  private readonly atAt: number;
  private readonly seqBase: number;
  private readonly counters: Uint32Array;

  constructor(
    readonly fleet: string,
    readonly devices: number,
    private readonly qos: Qos,
    now = Date.now(),
  ) {
    this.seqBase = Math.floor((now * 1000) / 10 ** SEQ_COUNTER_DIGITS) * 10 ** SEQ_COUNTER_DIGITS;
    this.counters = new Uint32Array(devices).fill((now * 1000) % 10 ** SEQ_COUNTER_DIGITS);
    const payload = Buffer.from(`{"light":${BRIGHT},"_seq":${this.seqBase},"_at":${now}}`);
    const packets = Array.from({ length: devices }, (_, device) =>
      publishPacket(deviceTopic(fleet, 'telemetry', deviceName(device)), payload, qos, 1),
    );
    this.templates = Buffer.concat(packets);
    this.packetBytes = packets[0]!.length;
    const payloadAt = this.packetBytes - payload.length;
    this.packetIdAt = payloadAt - 2;
    this.lightAt = payloadAt + payload.indexOf(String(BRIGHT));
    this.seqAt = payloadAt + payload.indexOf(String(this.seqBase));
    this.atAt = payloadAt + payload.indexOf(String(now), payload.indexOf('_at'));
  }

  /**
   * Writes the device's next reading to `target` at `offset`.
   * @param at device time, milliseconds since 1970
   */
  write(target: Buffer, offset: number, device: number, dark: boolean, at: number, packetId: number): void {
    const start = device * this.packetBytes;
    this.templates.copy(target, offset, start, start + this.packetBytes);
    const counter = this.counters[device]! + 1;
    this.counters[device] = counter;
    if (this.qos === 1) target.writeUInt16BE(packetId, offset + this.packetIdAt);
    writeDigits(target, offset + this.lightAt, 3, (dark ? DARK : BRIGHT) + (counter % NOISE));
    writeDigits(target, offset + this.seqAt + SEQ_DIGITS - SEQ_COUNTER_DIGITS, SEQ_COUNTER_DIGITS, counter);
    writeDigits(target, offset + this.atAt, 13, at);
  }

  /** `_seq` of the device's latest reading. */
  lastSeq(device: number): number {
    return this.seqBase + this.counters[device]!;
  }
}

function writeDigits(target: Buffer, offset: number, digits: number, value: number): void {
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at -= 1) {
    const next = Math.floor(rest / 10);
    target[at] = 48 + rest - next * 10;
    rest = next;
  }
}
