import { blocksOf, proseOf } from '../documentation.js';

const [english, korean] = ['docs/lesson.md', 'docs/lesson.ko.md'] as const;

/** What a translation must keep: heading levels, table columns, links and numbers. */
const outline = (page: string) => ({
  headings: [...proseOf(page).matchAll(/^(#+) /gm)].map(([, level]) => level),
  rows: [...proseOf(page).matchAll(/^\|.*\|$/gm)].map(([row]) => row.split('|').length),
  links: [...proseOf(page).matchAll(/\]\(([^)#]+)/g)]
    .map(([, target]) => target)
    .filter((target) => !target!.startsWith('lesson'))
    .sort(),
  numbers: [...proseOf(page).matchAll(/^\| (?:MQTT|HTTP|AMQP).*$/gm)].map(([row]) => row.match(/\d[\d.]*/g)),
});

it('the Korean lesson has the same sections, tables, links and measured numbers', () => {
  expect(outline(korean)).toEqual(outline(english));
});

it('the Korean lesson has the same commands', () => {
  const commands = (page: string) =>
    blocksOf(page).map(({ language, mark, text }) => ({ language, mark, text }));
  expect(commands(korean)).toEqual(commands(english));
  expect(commands(korean).length).toBeGreaterThan(15);
});
