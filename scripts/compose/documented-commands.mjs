// The Docker commands of the documentation, except those in blocks marked `<!-- test: skip, containers -->`, which test-compose.mjs runs as
// a whole. test/system/documentation/66-documentation-references.test.ts compares this list with the pages.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './project.mjs';

/**
 * `typed`: the command that the test runs instead, if the documented one stays in the foreground, needs a person, or pulls an image that may
 * be missing. `untested`: why the test does not run it. `grafana`: needs Grafana.
 * @typedef {{ typed?: string, untested?: string, grafana?: true }} DocumentedCommand
 */

const UP = 'docker compose up --detach --wait --wait-timeout 180';

/** @type {Readonly<Record<string, DocumentedCommand>>} */
export const DOCUMENTED = {
  'docker compose up': { typed: UP },
  'docker compose up --scale device-sim=3 --scale rules=2': {
    typed: `${UP} --scale device-sim=3 --scale rules=2`,
  },
  'docker compose up --scale device-sim=3': {
    untested: 'from decision 3; the test runs it together with --scale rules=2',
  },
  'docker compose exec grafana cat /run/grafana-secrets/admin-password': { grafana: true },
  'docker compose run --rm --entrypoint cat secrets /secrets/own/mqtt-demo': {},
  'docker compose run --rm secrets fleet list': {},
  'docker compose run --rm secrets fleet add plant': {},
  'docker compose run --rm secrets fleet add-reader plant': {},
  'docker compose run --rm secrets fleet remove plant': {},
  'docker compose exec api node dist/create-key.js': {},
  'docker compose run --rm secrets renew rules': {},
  'docker compose run --rm secrets rotate': {},
  'docker compose restart rules': {},
  'docker compose restart mosquitto': {},
  'docker compose restart redis': {},
  'docker compose up --detach --force-recreate secrets mosquitto': {},
  'docker compose up --detach --scale rules=2': {},
  'docker compose up --detach': {},
  'docker compose ps --all': {},
  'docker compose --profile alerts up': {
    typed: 'docker compose --profile alerts up --detach --wait alertmanager',
  },
  'docker system df': {},
  'docker builder prune': { untested: 'removes build layers of other projects' },
};

/** The blocks of a page that are run as a whole, in their order. @param {string} page */
export function blocksForContainers(page) {
  const text = readFileSync(join(REPOSITORY, page), 'utf8');
  return [...text.matchAll(/^<!-- test: skip, containers -->\n```sh\n([\s\S]*?)^```$/gm)].map(
    ([, block = '']) => block,
  );
}

/** The first block under a heading. @param {string} page @param {string} heading */
export function blockUnder(page, heading) {
  const text = readFileSync(join(REPOSITORY, page), 'utf8');
  const [, block = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(text.slice(text.indexOf(`\n${heading}\n`))) ?? [];
  return block;
}
