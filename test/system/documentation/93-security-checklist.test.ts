import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@lamplighter/native/state/repository';

const ROWS = 25;
const page = readFileSync(join(REPOSITORY, 'docs/security.md'), 'utf8');
const rows = page.split('\n').flatMap((line) => {
  const [, number, what = '', tests = ''] = /^\| (\d+) \| (.+?) \| (.+) \|$/.exec(line) ?? [];
  return number === undefined ? [] : [{ number: Number(number), what, tests }];
});
const linksIn = (text: string) =>
  [...text.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, title = '', path = '']) => ({ title, path }));

it(`the checklist has ${ROWS} rows in order`, () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: ROWS }, (_, n) => n + 1));
});

it.each(rows)('row $number, "$what", names tests that exist', ({ tests }) => {
  const links = linksIn(tests);
  expect(links.length).toBeGreaterThan(0);
  for (const { title, path } of links) {
    expect(path).toMatch(/\.test\.ts$/);
    const source = readFileSync(join(REPOSITORY, 'docs', path), 'utf8');
    // A title, not any other text of the file.
    const titles = source.split('\n').filter((line) => /\b(it|describe)\b.*\(|^\s*['`]|\]\)\(/.test(line));
    expect({ path, title, isTitle: titles.some((line) => line.includes(title)) }).toEqual({
      path,
      title,
      isTitle: true,
    });
  }
});
