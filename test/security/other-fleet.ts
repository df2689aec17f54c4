import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import type { Stack } from '../system/stack.js';
import { IS_FULL } from './seed.js';

/** Longest loop that still counts as served, ms: the attack and the servers share this machine. */
const MAX_LOOP_MS = 5000;
const [BRIGHT, DARK] = [900, 100];

/** Enough that no rule changes its verdict so often that it counts as a loop. */
const LAMPS = 12;

/** A fleet that is not attacked. */
export interface OtherFleet {
  /** Expects that its loop has continued since the last call, that rules kept its connection to the broker, and that nothing failed. */
  expectServed(): Promise<void>;
}

/**
 * Keeps the loop of another fleet going until the end of the test: its lamps report light and darkness in turn, and wait for the command of each. Measures the time from reading to command.
 */
export async function keepOtherFleetGoing(stack: Stack): Promise<OtherFleet> {
  const fleet = await stack.broker.newFleet();
  const lamps = await Promise.all(Array.from({ length: LAMPS }, (_, n) => connectDevice(fleet, `lamp-${n}`)));
  let loops: number[] = [];
  let isOver = false;
  let failure: unknown;
  const loop = async (lamp: TestDevice, light: number) => {
    const since = performance.now();
    await lamp.sendReading({ light });
    const command = await lamp.nextCommand(2 * MAX_LOOP_MS);
    if (command.led_on !== light < 300) throw new Error(`light ${light}, command ${JSON.stringify(command)}`);
    loops.push(performance.now() - since);
  };
  const run = async () => {
    for (let n = 0; !isOver; n += 1)
      await loop(lamps[n % LAMPS]!, Math.floor(n / LAMPS) % 2 === 0 ? DARK : BRIGHT);
  };
  const running = run().catch((error: unknown) => {
    failure = error;
  });
  closeLater('other fleet', () => {
    isOver = true;
    return running;
  });
  await until(() => loops.length > 2 || failure !== undefined, {
    what: 'the first commands of the other fleet',
  });
  const reconnects = await stack.metric('lamplighter_mqtt_reconnects_total');
  loops = [];
  return {
    async expectServed() {
      await until(() => loops.length > 2 || failure !== undefined, { what: 'commands of the other fleet' });
      expect(failure).toBeUndefined();
      const sorted = loops.toSorted((a, b) => a - b);
      loops = [];
      const worst = sorted.at(-1)!;
      if (IS_FULL)
        process.stderr.write(
          `  other fleet: ${sorted.length} loops, median ${sorted[sorted.length >> 1]!.toFixed(0)} ms, longest ${worst.toFixed(0)} ms\n`,
        );
      expect(worst).toBeLessThan(MAX_LOOP_MS);
      expect(await stack.metric('lamplighter_mqtt_reconnects_total')).toBe(reconnects);
      expect(await unexpectedErrors(stack)).toBe(0);
    },
  };
}

/** Errors of rules and api that are bugs. */
async function unexpectedErrors(stack: Stack): Promise<number> {
  const api = await (await fetch(`${stack.api.url}/metrics`, { headers: { connection: 'close' } })).text();
  const ofApi = [...api.matchAll(/^lamplighter_unexpected_errors_total\S* (\d+)$/gm)];
  const ofRules = await stack.metric('lamplighter_unexpected_errors_total');
  return ofApi.reduce((sum, [, count]) => sum + Number(count), ofRules);
}
