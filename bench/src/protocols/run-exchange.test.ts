import { freePort } from '../testbed/free-port.js';
import { httpExchange } from './http-exchange.js';
import { runExchange } from './run-exchange.js';

const SCRIPT = { readings: 20, commands: 2, intervalMs: 10, duringOutage: 3 };

it('runExchange counts traffic, and commands that arrive after an outage', async () => {
  const rare = await runExchange(httpExchange(await freePort(), false, 10), SCRIPT);
  const frequent = await runExchange(httpExchange(await freePort(), true, 1), SCRIPT);
  for (const { readings, latenciesMs, arrivedAfterOutage } of [rare, frequent])
    expect([readings, latenciesMs.length, arrivedAfterOutage]).toEqual([20, 2, 3]);
  // One connection for each of 20 readings and 2 polls, or one for all 40 requests.
  expect([rare.traffic.connections, frequent.traffic.connections]).toEqual([22, 1]);
  expect(frequent.traffic.up).toBeGreaterThan(rare.traffic.up);
  expect(rare.traffic.up / 22).toBeGreaterThan(100);
});
