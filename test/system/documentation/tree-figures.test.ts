import {
  figuresOf,
  filesOnTheWay,
  isTypesOnly,
  withTable,
  wordCount,
  wrongFigures,
} from '../../../scripts/tree/figures.mjs';

const page =
  '<!-- way of a reading -->\n1. `a.ts`: first\n2. `b.ts`\n<!-- /way of a reading -->\n<!-- tree -->\n<!-- /tree -->\n';
const file = (path: string, lines: number) => ({ path, text: 'x();\n'.repeat(lines) });
const sources = [10, 20, 30, 40, 50, 60, 70, 80, 90, 200].map((lines, at) => file(`${at}.ts`, lines));
const figures = figuresOf({
  sources,
  tests: [file('a.test.ts', 325), file('bench/src/b.test.ts', 13)],
  docs: [{ path: 'README.md', text: '| two | words → |' }],
  architecture: page,
});
const valueNamed = (name: string) => figures.find((figure) => figure.name === name)?.value;

it('computes the figures from the files', () => {
  expect(valueNamed('source files')).toBe(10);
  expect(valueNamed('lines per source file, median')).toBe(60);
  expect(valueNamed('lines per source file, 90th percentile')).toBe(200);
  expect(valueNamed('lines of the largest source file')).toBe(200);
  expect(valueNamed('test lines per line of the product')).toBe(0.5);
  expect(valueNamed('test lines per source line')).toBe(0.52);
  expect(valueNamed('words of documentation')).toBe(2);
  expect(valueNamed('files on the way of a reading')).toBe(2);
});

it('distinguishes files of types from files with constants', () => {
  expect(
    isTypesOnly("import type { A } from './a.js';\nexport interface B { a: A }\nexport type C = B;\n"),
  ).toBe(true);
  expect(isTypesOnly('export interface B { a: 1 }\nexport const c = 1;\n')).toBe(false);
});

it('does not count table borders as words', () => {
  expect(wordCount('| `a` | 5 % | → | |')).toBe(2);
});

it('reads the way of a reading from the list between its markers', () => {
  expect(filesOnTheWay(page)).toEqual(['a.ts', 'b.ts']);
});

describe('the page', () => {
  it('has correct figures after an update', () => {
    expect(wrongFigures(page, figures)).toHaveLength(figures.length);
    expect(wrongFigures(withTable(page, figures), figures)).toEqual([]);
  });

  it('tolerates differences below 5 %, and of one file in a small count', () => {
    const stated = withTable(page, figures);
    const changed = (name: string, value: number) =>
      wrongFigures(
        stated,
        figures.map((figure) => (figure.name === name ? { ...figure, value } : figure)),
      );
    expect(changed('source files', 11)).toEqual([]);
    expect(changed('source files', 12)).toEqual(['source files: stated as 10, measured 12']);
    expect(changed('lines of the largest source file', 209)).toEqual([]);
    expect(changed('lines of the largest source file', 220)).toHaveLength(1);
    expect(changed('test lines per source line', 0.6)).toHaveLength(1);
  });
});
