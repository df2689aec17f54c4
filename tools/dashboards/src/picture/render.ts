// npm run dashboards:render: a picture of each dashboard, with the data of a real Prometheus, into docs/pictures.
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

const HELP = `npm run dashboards:render                            start a stack of its own, let things happen to it, render
npm run dashboards:render -- --prometheus <url>      render from a Prometheus that is there, such as http://127.0.0.1:9090
  --minutes <n>    length of the story and of the pictures (12)
  --out <folder>   where the pictures go (docs/pictures)`;

const DASHBOARDS = join(REPOSITORY, 'grafana/dashboards');
/** Seconds between two scrapes of Prometheus; points are not closer. */
const SCRAPE = 5;
/** Points that a panel has room for. */
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
    const about = {
      source: scenario?.source ?? `Data: ${prometheusUrl}.`,
      range: { from: to - minutes * 60, to, step },
    };
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(DASHBOARDS).filter((name) => name.endsWith('.json'))) {
      const document = JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')) as Document;
      const picture = drawDashboard(await collectData(document, prometheus, about));
      const name = file.replace('.json', '.svg');
      writeFileSync(join(folder, name), picture);
      console.log(`${name} ${(picture.length / 1000).toFixed(0)} kB`);
    }
  } finally {
    await scenario?.stop();
  }
}
