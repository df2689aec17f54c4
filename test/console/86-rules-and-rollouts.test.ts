import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { connectLamps } from '../system/acknowledging-lamps.js';
import { openConsole, startBrowser } from '../system/console/browser.js';
import { FAN, fleetWith } from '../system/rule-requests.js';
import { sharedStack } from '../system/stack.js';

it('edits a rule, shows problems at their place, compares, saves, and the rule takes effect', async () => {
  const [stack, browser] = await Promise.all([sharedStack(), startBrowser()]);
  const fleet = await fleetWith(stack, FAN);
  const device = await connectDevice(fleet, 'fan-1');
  const fanCommands = () => device.commands().filter(({ fan }) => fan !== undefined);
  for (const [index, heat] of [20, 40, 20].entries()) {
    await device.sendReading({ heat });
    await until(() => fanCommands().length === index + 1, { what: `the command for ${heat}` });
  }
  const page = await openConsole(browser, `${stack.api.url}/fleets/${fleet.name}/rules`, { key: stack.key });
  await page.getByRole('link', { name: 'fan', exact: true }).click();
  const editor = page.locator('.cm-content');
  const write = async (rule: object) => {
    await editor.click();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(JSON.stringify(rule, null, 2));
  };
  const problems = page.getByRole('list', { name: 'Problems' });
  const save = page.getByRole('button', { name: 'Save as version 2' });

  await write({ ...FAN, holdd: '1s' });
  await problems.getByText('/holdd').waitFor();
  await write({ ...FAN, when: 'heat >' });
  await problems.getByText('/when').waitFor();
  await page.locator('.cm-lintRange-error').waitFor();
  await write({ ...FAN, when: 'heat > 50' });
  await page.getByRole('button', { name: 'Compare' }).click();
  await page
    .locator('.diff-counts [data-kind=dropped]')
    .getByText(/^[1-9]/)
    .waitFor();
  await page.locator('.timelines .mark-dropped').first().waitFor();
  await page.locator('.dry-run').getByRole('button', { name: 'Run' }).click();
  await page.locator('.dry-run-result').getByText('unmatched').waitFor();
  await save.click();
  await page.locator('.facts').getByText('version 2').waitFor();
  await page.getByRole('link', { name: 'version 1' }).click();
  await page.locator('.line-diff [data-kind=removed]').getByText('heat > 30').waitFor();
  expect(page.errors.filter((text) => !text.includes('422'))).toEqual([]);

  const before = fanCommands().length;
  await device.sendReading({ heat: 60 });
  await until(() => fanCommands().slice(before).at(-1)?.fan === 'fast', { what: 'a command of version 2' });
  await page.getByRole('button', { name: 'Disable' }).click();
  await page.locator('.facts').getByText('disabled').waitFor();
}, 120_000);

it('starts a rollout with the devices of a preview, shows its progress, and stops it', async () => {
  const [stack, browser] = await Promise.all([sharedStack(), startBrowser()]);
  const fleet = await stack.broker.newFleet();
  const names = Array.from({ length: 30 }, (_, index) => `hall-${String(index).padStart(2, '0')}`);
  const lamps = await connectLamps(
    fleet,
    names.map((device) => ({ device, light: 900, acknowledgement: 'succeeded' as const })),
  );
  for (const name of names) await stack.online(fleet.name, name);
  const page = await openConsole(browser, `${stack.api.url}/fleets/${fleet.name}/devices`, {
    key: stack.key,
  });
  await page.getByLabel('Condition on the last state').fill('light > 800');
  await page.getByText('Start a rollout with this filter').click();
  await page.getByText('30 devices match').waitFor();
  await page.getByLabel('Action').fill('{"chime": 1}');
  await page.getByLabel('Devices per second').fill('1');
  await page.getByRole('button', { name: 'Start the rollout' }).click();
  await page.locator('.facts').getByText('running').waitFor();
  const chimes = () => names.filter((name) => lamps.commandsOf(name).length > 1).length;
  await until(() => chimes() >= 2, { what: 'two devices with the command' });
  await page
    .locator('.progress')
    .getByText(/[2-9] succeeded/)
    .waitFor();
  await page.getByRole('button', { name: 'Stop the rollout' }).click();
  await page.locator('.facts').getByText('cancelled').waitFor();
  expect(chimes()).toBeLessThan(30);
  expect(page.errors).toEqual([]);
}, 120_000);

it('shows a device that is cut off as offline, its command as pending, and later as succeeded', async () => {
  const [stack, browser] = await Promise.all([sharedStack(), startBrowser()]);
  const fleet = await stack.broker.newFleet();
  const away = await connectLamps(fleet, [{ device: 'lamp-1', light: 900, isOffline: true }]);
  await stack.online(fleet.name, 'lamp-1');
  const page = await openConsole(browser, `${stack.api.url}/fleets/${fleet.name}/devices/lamp-1`, {
    key: stack.key,
  });
  await page.locator('.facts').getByText('online').waitFor();
  await away.announceOffline();
  await page.locator('.facts').getByText('offline').waitFor();
  await page.getByLabel('Action').fill('{"chime": 1}');
  await page.getByLabel('Wait up to 10 s for its end').uncheck();
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  const command = page.locator('.history li').filter({ hasText: '{"chime":1}' });
  await command.getByText('pending').waitFor();
  await connectLamps(fleet, [{ device: 'lamp-1', light: 900, acknowledgement: 'succeeded' }]);
  await command.getByText('succeeded').waitFor();
  await page.locator('.facts').getByText('online').waitFor();
  expect(page.errors).toEqual([]);
}, 120_000);
