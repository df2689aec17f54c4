import { fillIn } from '../../documents/page.js';
import { runLab } from '../run-lab.js';
import { comparePolicies, SEEDS } from './compare-policies.js';
import { SKIES } from './light-curve.js';
import { drawIntervals } from './picture.js';
import { intervalTable } from './table.js';

/** The page shows this sky; the terminal shows all. */
const SHOWN = 'sun and clouds';
const TITLE = `Delay of a decision and readings a day, ${SEEDS} days of 24 hours`;

runLab({
  script: 'lab:interval',
  summary: 'fixed and adaptive telemetry intervals on simulated light',
  page: 'telemetry-interval.md',
  picture: 'telemetry-interval.svg',
  run(page) {
    const results = comparePolicies();
    const ofSky = (sky: string) => intervalTable(results.filter((result) => result.sky === sky));
    for (const { name } of SKIES) console.log(`\n${name}\n${ofSky(name)}`);
    return {
      page: fillIn(page, `lab ${SHOWN}`, ofSky(SHOWN)),
      picture: drawIntervals(results, TITLE),
    };
  },
});
