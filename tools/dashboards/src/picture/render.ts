// npm run dashboards:render: draws each dashboard with data of a real Prometheus, into docs/pictures.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { CannotStart } from '@lamplighter/native/state/settings';
import type { Document } from '../document.js';
import { runScenario, type ScenarioRun } from '../scenario/run-scenario.js';
import { collectData } from './collect-data.js';
import { drawDashboard } from './draw-dashboard.js';
import { Prometheus } from './prometheus.js';

const HELP = `npm run dashboards:render                            start a separate stack, run the scenario, then render
npm run dashboards:render -- --prometheus <url>      render from a running Prometheus, such as http://127.0.0.1:9090
  --minutes <n>    length of the scenario, and time range of the pictures (12)
  --out <folder>   output folder (docs/pictures)`;

const DASHBOARDS = join(REPOSITORY, 'grafana/dashboards');
/** Scrape interval of Prometheus in seconds, the smallest step. */
const SCRAPE = 5;
/** The most points that a panel can show. */
const MAX_POINTS = 360;

const { values: flags } = parseArgs({
  options: {
    prometheus: { type: 'string' },
    minutes: { type: 'string', default: '12' },
    out: { type: 'string', default: join(REPOSITORY, 'docs/pictures') },
    help: { type: 'boolean', default: false },
  },
});

try {
  if (flags.help) console.log(HELP);
  else await render(Number(flags.minutes), flags.out, flags.prometheus);
} catch (error) {
  if (!(error instanceof CannotStart)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}

async function render(minutes: number, folder: string, prometheusUrl: string | undefined): Promise<void> {
  if (!(minutes >= 1 && minutes <= 1440)) throw new CannotStart('--minutes must be from 1 to 1440');
  let scenario: ScenarioRun | undefined;
  try {
    if (prometheusUrl === undefined) scenario = await runScenario(minutes, (line) => console.log(line));
    const prometheus = new Prometheus(scenario?.prometheusUrl ?? prometheusUrl ?? '');
    const step = Math.ceil((minutes * 60) / MAX_POINTS / SCRAPE) * SCRAPE;
    const to = Math.floor(Date.now() / 1000 / step) * step - SCRAPE;
    const origin = {
      source: scenario?.source ?? `Data: ${prometheusUrl}.`,
      range: { from: to - minutes * 60, to, step },
    };
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(DASHBOARDS).filter((name) => name.endsWith('.json'))) {
      const document = JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')) as Document;
      const picture = drawDashboard(await collectData(document, prometheus, origin));
      const name = file.replace('.json', '.svg');
      writeFileSync(join(folder, name), picture);
      console.log(`${name} ${(picture.length / 1000).toFixed(0)} kB`);
    }
  } finally {
    await scenario?.stop();
  }
}
