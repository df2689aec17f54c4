import { fillIn } from '../../documents/page.js';
import { runLab } from '../run-lab.js';
import { runExperiment } from './experiment.js';
import { drawPicture } from './picture.js';
import { SCENARIOS, SEEDS, SIZES } from './scenarios.js';
import { plainTable, policyTable } from './tables.js';

/** Field size in the tables and the picture of the page. */
const SHOWN_SENSORS = 15;
const TITLE = `Floodlights decided by ${SHOWN_SENSORS} light sensors: wrong minutes a day`;

runLab({
  script: 'lab:quorum',
  summary: 'quorum policies on simulated sensors',
  page: 'quorum.md',
  picture: 'quorum.svg',
  run(page) {
    const results = runExperiment(SCENARIOS, SIZES, SEEDS, (done) => console.error(done));
    console.log(plainTable(results));
    const shown = results.filter(({ sensors }) => sensors === SHOWN_SENSORS);
    const withFalseOn = fillIn(page, 'lab false-on', policyTable(shown, 'falseOnMinutes'));
    return {
      page: fillIn(withFalseOn, 'lab missed-on', policyTable(shown, 'missedMinutes')),
      picture: drawPicture(shown, TITLE),
    };
  },
});
