import { createApiKey } from '@lamplighter/store/access/api-keys';
import { connectDevice } from '@lamplighter/test-kit/device';
import { startBroker } from '@lamplighter/test-kit/servers/broker';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';
import { openConsole, startBrowser } from '../system/console/browser.js';

it('shows how long it has not been live, and resumes without a reload after a restart of the api', async () => {
  const [broker, redis, browser] = await Promise.all([startBroker(), startRedis(), startBrowser()]);
  const env = { REDIS_URL: redis.apiUrl, API_PORT: String(await freePort()) };
  const [first] = await Promise.all([
    startService('api', env),
    startService('rules', { REDIS_URL: redis.rulesUrl, MQTT_URL: broker.rulesUrl }),
  ]);
  const { key } = await createApiKey(await connected(redis.url));
  const fleet = await broker.newFleet();
  const lamp = await connectDevice(fleet, 'lamp-0001');
  await lamp.sendReading({ light: 900 });
  await until(() => lamp.commands().length > 0, { what: 'the first command' });

  const page = await openConsole(browser, `${first.url}/fleets/${fleet.name}/devices/lamp-0001`, { key });
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('.values').getByText('900', { exact: true }).waitFor();
  await page.evaluate('window.isSamePage = true');
  await first.stop();
  await page.getByText(/^Not live since \d/).waitFor();
  await lamp.sendReading({ light: 123 });
  await page.locator('.values').getByText('900', { exact: true }).waitFor();

  await startService('api', env);
  await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
  await page.locator('.values').getByText('123', { exact: true }).waitFor();
  await lamp.sendReading({ light: 77 });
  await page.locator('.values').getByText('77', { exact: true }).waitFor();
  expect(await page.evaluate('window.isSamePage')).toBe(true);
}, 120_000);
