import { freePort } from '../bed/free-port.js';
import { httpExchange } from './http-exchange.js';
import { runExchange } from './run-exchange.js';

const SCRIPT = { readings: 20, commands: 2, intervalMs: 10, whileAway: 3 };

it('counts what passes between device and server, and what arrives after a lost connection', async () => {
  const seldom = await runExchange(httpExchange(await freePort(), false, 10), SCRIPT);
  const often = await runExchange(httpExchange(await freePort(), true, 1), SCRIPT);
  for (const { readings, latenciesMs, arrivedAfterAway } of [seldom, often])
    expect([readings, latenciesMs.length, arrivedAfterAway]).toEqual([20, 2, 3]);
  // A connection for each of 20 readings and 2 questions; or one for all 40.
  expect([seldom.traffic.connections, often.traffic.connections]).toEqual([22, 1]);
  expect(often.traffic.up).toBeGreaterThan(seldom.traffic.up);
  expect(seldom.traffic.up / 22).toBeGreaterThan(100);
});
