import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBinary } from '@lamplighter/native/binaries';
import { REPOSITORY } from '@lamplighter/native/repository';
import { CannotStart } from '@lamplighter/native/settings';
import { type Browser, chromium } from 'playwright-core';
import type { Scene } from './collect.js';
import { withPalette } from './palette.js';

/** Pixels; the height is what the dashboard needs. */
const WIDTH = 1440;
const BINARIES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Nothing is served there: every request is answered from files of this repository. */
const ORIGIN = 'http://picture.invalid/';
const PACKAGE = join(REPOSITORY, 'packages/dashboards');
const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8">
<link rel="stylesheet" href="/uplot/uPlot.min.css"><link rel="stylesheet" href="/style.css">
<script type="importmap">{"imports":{"uplot":"/uplot/uPlot.esm.js"}}</script></head><body></body></html>`;

/** Opens the browser that is installed. @throws CannotStart if there is none */
export function openBrowser(): Promise<Browser> {
  const executablePath = BINARIES.map((name) => findBinary(name)).find((path) => path !== undefined);
  if (executablePath === undefined) {
    throw new CannotStart(
      'pictures need Chromium: apt-get install --no-install-recommends chromium fonts-inter',
    );
  }
  // Chromium refuses to run as root within its own sandbox; all that it opens here is from this repository.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  // It ends with us anyway, and Ctrl-C is to end us.
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  return chromium.launch({ executablePath, args, ...signals });
}

/** Draws a dashboard and gives it as a PNG. @throws whatever the page throws */
export async function photograph(browser: Browser, scene: Scene): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 900 } });
  try {
    const failures: Error[] = [];
    page.on('pageerror', (error) => failures.push(error));
    await page.route('**/*', (route) => {
      const file = fileOf(route.request().url());
      return file === undefined
        ? route.fulfill(html())
        : route.fulfill({ path: file, contentType: typeOf(file) });
    });
    await page.goto(ORIGIN);
    await page.evaluate((given) => {
      window.scene = given;
    }, scene);
    await page.addScriptTag({ type: 'module', url: '/picture/page/main.js' });
    await page.waitForFunction(() => document.querySelector('.grid')?.getAttribute('style') !== null);
    await page.evaluate(async () => {
      await document.fonts.ready;
    });
    if (failures.length > 0) throw failures[0];
    return withPalette(await page.screenshot({ fullPage: true }));
  } finally {
    await page.close();
  }
}

const html = () => ({ body: PAGE, contentType: 'text/html' });

function fileOf(url: string): string | undefined {
  const path = url.slice(ORIGIN.length);
  if (path === '') return undefined;
  if (path.startsWith('uplot/'))
    return join(REPOSITORY, 'node_modules/uplot/dist', path.slice('uplot/'.length));
  return path.endsWith('.css') ? join(PACKAGE, 'src/picture/page', path) : join(PACKAGE, 'dist', path);
}

function typeOf(file: string): string {
  return file.endsWith('.css') ? 'text/css' : 'text/javascript';
}

/** Reads the dashboards that Grafana reads. */
export function readDashboards<T extends { readonly title: string }>(files: readonly string[]): T[] {
  return files
    .map((file) => JSON.parse(readFileSync(join(REPOSITORY, 'grafana/dashboards', file), 'utf8')) as T)
    .sort((a, b) => a.title.localeCompare(b.title));
}
