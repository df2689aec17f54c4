// Loaded before a program (node --import): shifts its wall clock by the milliseconds in the file CLOCK_FILE, which can change at any time.
// Timers and the monotonic clock are unchanged.
import { readFileSync } from 'node:fs';

const Real = Date;
const REREAD_MS = 20;
let offset = 0;
let readAt = Number.NEGATIVE_INFINITY;

function now() {
  if (performance.now() - readAt > REREAD_MS) {
    readAt = performance.now();
    offset = Number(readFileSync(process.env.CLOCK_FILE ?? '', 'utf8')) || 0;
  }
  return Real.now() + offset;
}

globalThis.Date = class extends Real {
  /** @param {ConstructorParameters<typeof Real>} args */
  constructor(...args) {
    if (args.length === 0) super(now());
    else super(...args);
  }

  static now() {
    return now();
  }
};
