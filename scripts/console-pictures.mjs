// npm run console:pictures: starts an instance with 200 lamps and a short day, and takes a picture of each page of the console for docs/pictures.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import { chromium } from 'playwright-core';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`npm run console:pictures                      take the pictures of docs/pictures, about 2 minutes
npm run console:pictures -- FOLDER [review]   write them to FOLDER; with review, also in the dark theme and at phone width`);
  process.exit(0);
}
const REPOSITORY = resolve(fileURLToPath(import.meta.url), '../..');
const OUT = resolve(process.argv[2] ?? join(REPOSITORY, 'docs/pictures'));
/** With `review`, every page is also taken in the dark theme and at the width of a phone. */
const IS_REVIEW = process.argv.includes('review');
const DESK = { width: 1280, height: 800 };
const state = mkdtempSync(join(tmpdir(), 'lamplighter-pictures-'));
const instance = spawn(process.execPath, ['scripts/start.mjs', '--devices', '200'], {
  cwd: REPOSITORY,
  env: { ...process.env, LAMPLIGHTER_STATE: state, DAY_SECONDS: '120' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const link = new URL(await signInLink());
  const key = link.hash.slice('#key='.length);
  const { command, rollout } = await seed(link.origin, key);
  const { findBrowser } = await import('../tools/native/dist/servers/install.js');
  const browser = await chromium.launch({
    executablePath: findBrowser(),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  /** @type {[name: string, path: string][]} */
  const pages = [
    ['overview', ''],
    ['devices', '/devices'],
    ['device', '/devices/lamp-0004'],
    ['commands', '/commands'],
    ['command', `/commands/${command}`],
    ['rollouts', '/rollouts'],
    ['new-rollout', '/rollouts/new?presence=online&when=light%20%3C%20600'],
    ['rollout', `/rollouts/${rollout}`],
    ['rules', '/rules'],
    ['rule', '/rules/night-light'],
    ['rejected', '/rejected'],
  ];
  if (IS_REVIEW) pages.push(['quorum', '/rules/square'], ['new-rule', '/new-rule']);
  /** @type {{ suffix: string, viewport: { width: number, height: number }, colorScheme: 'light' | 'dark' }[]} */
  const looks = IS_REVIEW
    ? [
        { suffix: '', viewport: DESK, colorScheme: 'light' },
        { suffix: '-dark', viewport: DESK, colorScheme: 'dark' },
        { suffix: '-phone', viewport: { width: 360, height: 740 }, colorScheme: 'light' },
      ]
    : [{ suffix: '', viewport: DESK, colorScheme: 'light' }];
  for (const { suffix, viewport, colorScheme } of looks)
    for (const [name, path] of pages) {
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      page.on('pageerror', ({ message }) => console.error(`${name}: ${message}`));
      page.on(
        'console',
        (message) => message.type() === 'error' && console.error(`${name}: ${message.text()}`),
      );
      await page.goto(`${link.origin}/fleets/demo${path}#key=${key}`);
      await page.getByText('Live', { exact: true }).waitFor();
      await page.locator('main').getByText('Loading').waitFor({ state: 'detached' });
      if (name === 'rule') await compareStricterRule(page);
      await setTimeout(2500); // the live plots draw some readings
      const width = await page.evaluate('document.documentElement.scrollWidth');
      if (width > viewport.width) console.error(`${name}${suffix}: ${width} px wide`);
      await page.screenshot({
        path: join(OUT, `console-${name}${suffix}.png`),
        fullPage: IS_REVIEW && name !== 'devices',
      });
      await context.close();
    }
  await browser.close();
} finally {
  instance.kill('SIGINT');
  await new Promise((ended) => instance.once('exit', ended));
  rmSync(state, { recursive: true, force: true });
}

/** Edits the limit of the rule, so that the picture has a difference. @param {import('playwright-core').Page} page */
async function compareStricterRule(page) {
  const editor = page.locator('.cm-content');
  await editor.getByText('light < 300').waitFor();
  const text = (await editor.locator('.cm-line').allTextContents()).join('\n');
  await editor.click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(text.replace('light < 300', 'light < 260'));
  await page.getByRole('button', { name: 'Compare' }).click();
  await page.locator('.timelines').waitFor();
  await page.locator('.diff').scrollIntoViewIfNeeded();
}

/** The link that `npm start` prints. */
async function signInLink() {
  let text = '';
  for await (const chunk of instance.stdout) {
    text += chunk;
    const [found] = /http:\S+#key=\S+/.exec(text) ?? [];
    if (found !== undefined) {
      instance.stdout.resume();
      return found;
    }
  }
  throw new Error(`npm start ended:\n${text}`);
}

/** Gives every page something to show. @param {string} origin @param {string} key */
async function seed(origin, key) {
  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
  const send = async (method, path, body) => {
    const headers = { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) };
    const response = await fetch(origin + path, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return response.json();
  };
  await setTimeout(20_000); // a sixth of a simulated day
  const scope = {
    devices: Array.from({ length: 7 }, (_, index) => `lamp-${String(index + 10).padStart(4, '0')}`),
  };
  await send('POST', '/v1/fleets/demo/rules', {
    id: 'square',
    description: 'The lamps of the square follow the majority of their sensors',
    scope,
    when: 'light < 250',
    clear: 'light > 320',
    quorum: { policy: 'majority', lost: 'hold' },
    then: { level: 80 },
    else: { level: 0 },
  });
  const client = await connectAsync('mqtt://127.0.0.1:1883', {
    username: 'demo',
    password: readFileSync(join(state, 'secrets/mqtt-demo'), 'utf8').trim(),
    protocolVersion: 5,
  });
  for (const [device, payload] of [
    ['lamp-0021', '{"light": 212,'],
    ['lamp-0022', '{"light": 300, "_at": 1795348800}'],
    ['lamp-0023', '{"light": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}}}'],
  ])
    await client.publishAsync(`demo/telemetry/${device}`, String(payload), { qos: 1 });
  await client.endAsync();
  await send('POST', '/v1/fleets/demo/devices/lamp-0004/commands', {
    action: { report: ['light'] },
    policy: 'ordered',
    lane: 'sensors',
  });
  await send('POST', '/v1/fleets/demo/commands', {
    action: { blink: 2 },
    ttl: '1h',
    selector: { devices: ['lamp-000*'] },
    rate: 5,
  });
  const rollout = await send('POST', '/v1/fleets/demo/commands', {
    action: { report: ['light', 'led_on'] },
    ttl: '10m',
    selector: { presence: 'online' },
    rate: 4,
    abortAbove: 20,
  });
  await setTimeout(5000);
  const { commands } = await send('GET', '/v1/fleets/demo/devices/lamp-0004/commands?limit=100');
  const ofRule =
    commands.find(
      (/** @type {{ source: string, state: string }} */ { source, state }) =>
        source === 'rule' && state === 'succeeded',
    ) ?? commands[0];
  return { command: ofRule.id, rollout: rollout.id };
}
