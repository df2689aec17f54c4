import { join } from 'node:path';
import { DEFAULT_FOLDER, readSettings } from '../state/settings.js';
import type { State } from '../state/state.js';
import { guide } from './guide.js';

const { ports } = readSettings({});
const guideFor = (folder: string, from: string, consoleKey?: string) => {
  const state = { folder, secretFile: (name: string) => join(folder, 'secrets', name) } as State;
  return guide({ ports, state, firstKey: undefined, consoleKey, sim: true, lesson: false, from });
};

it('prints commands that work in another terminal', () => {
  const text = guideFor(DEFAULT_FOLDER, join(DEFAULT_FOLDER, '..'));
  expect(text).toContain('KEY=$(npm run --silent key)\n');
  expect(text).toContain('-P "$(cat .lamplighter/secrets/mqtt-demo)"');
});

it('includes a non-default state folder in each command, quoted if necessary', () => {
  const text = guideFor("/srv/it's two", '/home');
  const folder = "'/srv/it'\\''s two";
  for (const script of ['--silent key', 'key', 'watch'])
    expect(text).toContain(`LAMPLIGHTER_STATE=${folder}' npm run ${script}`);
  expect(text).toContain(`"$(cat ${folder}/secrets/mqtt-demo')"`);
});

it('links the console with a key in the fragment, which browsers do not send', () => {
  const text = guideFor(DEFAULT_FOLDER, '/home', 'lamp_c00c00c00c00.secret');
  expect(text.split('\n')[1]).toBe(
    '  Console      http://127.0.0.1:8080/#key=lamp_c00c00c00c00.secret   (opens signed in)',
  );
});
