const TICK_MS = 20;
/** Longest that one tick counts for. */
const MOST_MS = 200;

/**
 * Begins to measure; the function that it returns ends that, and says how many milliseconds it was. Seconds in which the machine
 * stood still count for little: nobody is slow who was not let run.
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
