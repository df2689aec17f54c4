import { setTimeout } from 'node:timers/promises';
import { freePort } from '../testbed/free-port.js';
import { CountingProxy, type Traffic } from './counting-proxy.js';
import type { Exchange } from './exchange.js';

/** What every exchange carries. */
export interface Script {
  readonly readings: number;
  readonly commands: number;
  /** Between readings, milliseconds. */
  readonly intervalMs: number;
  /** Commands issued while the device has no connection. */
  readonly duringOutage: number;
}

export interface Measured {
  readonly name: string;
  readonly traffic: Traffic;
  readonly readings: number;
  /** From the server's decision to the device, milliseconds, in ascending order. */
  readonly latenciesMs: readonly number[];
  readonly arrivedAfterOutage: number;
}

/** Longest wait for a command: longer than the longest polling period. */
const LATE_MS = 2000;

/** Runs the script over an exchange and measures its traffic. */
export async function runExchange(exchange: Exchange, script: Script): Promise<Measured> {
  const proxy = new CountingProxy(await freePort(), exchange.serverPort);
  const line = await exchange.open(proxy.port);
  await proxy.listen();
  const issued = new Map<number, number>();
  const latenciesMs: number[] = [];
  let arrivedAfterOutage = 0;
  line.onCommand = ({ n }) => {
    if (typeof n !== 'number') arrivedAfterOutage += 1;
    else latenciesMs.push(performance.now() - (issued.get(n) ?? 0));
  };
  try {
    await line.connect();
    const pending: Promise<void>[] = [];
    const every = spacing(script);
    for (let at = 0; at < script.readings; at++) {
      const began = performance.now();
      if (at % every === 0 && pending.length < script.commands) pending.push(issue(pending.length));
      await line.send({ light: 400 + (at % 100) });
      await setTimeout(Math.max(0, script.intervalMs - (performance.now() - began)));
    }
    await Promise.all(pending);
    for (let waited = 0; waited < LATE_MS && latenciesMs.length < script.commands; waited += 10)
      await setTimeout(10);
    const traffic = proxy.count();
    const readings = line.readings();

    proxy.cut();
    await line.drop();
    for (let n = 0; n < script.duringOutage; n++) await line.issue({ led_on: n % 2 === 0 });
    await line.connect();
    await setTimeout(LATE_MS / 4);
    latenciesMs.sort((a, b) => a - b);
    return { name: exchange.name, traffic, readings, latenciesMs, arrivedAfterOutage };
  } finally {
    await line.close();
    proxy.close();
  }

  /** Spreads the commands evenly over the polling period of the device. */
  async function issue(n: number): Promise<void> {
    await setTimeout((script.intervalMs * (n + 0.5)) / script.commands);
    issued.set(n, performance.now());
    await line.issue({ led_on: n % 2 === 0, n });
  }
}

/** Readings between commands. */
function spacing({ readings, commands }: Script): number {
  return Math.floor((readings - commands) / commands);
}
