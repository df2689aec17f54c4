const TICK_MS = 20;
/** Maximum time that one tick counts, milliseconds. */
const MOST_MS = 200;

/**
 * Starts a measurement. The returned function ends it and returns the elapsed milliseconds. Periods in which the machine stalled count for
 * little, since the measured code could not run.
 */
export function stopwatch(): () => number {
  let counted = 0;
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    counted += Math.min(now - last, MOST_MS);
    last = now;
  };
  const ticker = setInterval(tick, TICK_MS).unref();
  return () => {
    clearInterval(ticker);
    tick();
    return counted;
  };
}
