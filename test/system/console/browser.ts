import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { findBrowser } from '@lamplighter/native/servers/install';
import { closeLater } from '@lamplighter/test-kit/resources';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** A page with the errors that it logged: a script that the Content-Security-Policy blocks is one of them. */
export interface ConsolePage extends Page {
  readonly errors: readonly string[];
}

/** Starts a browser for this file. It needs no display. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error('no browser found; install chromium');
  // Chromium refuses its sandbox to root, as whom tests run in containers.
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  closeLater('browser', () => browser.close());
  return browser;
}

/** Opens an address of the console in a new context, signed in if there is a key. */
export async function openConsole(
  browser: Browser,
  url: string,
  { key, ...options }: BrowserContextOptions & { key?: string } = {},
): Promise<ConsolePage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  closeLater('page', () => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(key === undefined ? url : `${url}#key=${key}`);
  return Object.assign(page, { errors });
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** The violations of WCAG 2.2 AA on a page, as sentences. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(AXE, 'utf8'));
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  return page.evaluate(
    `axe.run({ runOnly: ${JSON.stringify(tags)} }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' at ' + target + ': ' + failureSummary)))`,
  );
}
