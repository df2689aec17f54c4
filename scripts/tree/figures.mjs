// Computes figures about the source tree from file contents. Pure.
import ts from 'typescript';

/** @typedef {{ path: string, text: string }} File */
/** @typedef {{ name: string, value: number, note: string }} Figure */

/**
 * @param {{ sources: readonly File[], tests: readonly File[], docs: readonly File[], architecture: string }} tree @returns {Figure[]}
 */
export function figuresOf({ sources, tests, docs, architecture }) {
  const lines = sources.map(({ path, text }) => ({ path, lines: lineCount(text) }));
  lines.sort((one, other) => one.lines - other.lines);
  const largest = lines.at(-1);
  const sum = (/** @type {readonly File[]} */ files) =>
    files.reduce((total, { text }) => total + lineCount(text), 0);
  return [
    { name: 'source files', value: sources.length, note: 'TypeScript and Lua, without tests' },
    { name: 'lines per source file, median', value: percentile(lines, 0.5), note: '' },
    { name: 'lines per source file, 90th percentile', value: percentile(lines, 0.9), note: '' },
    { name: 'lines of the largest source file', value: largest?.lines ?? 0, note: `\`${largest?.path}\`` },
    {
      name: 'files without behaviour',
      value: sources.filter(({ path, text }) => path.endsWith('.ts') && isTypesOnly(text)).length,
      note: 'types only',
    },
    {
      name: 'test lines per line of the product',
      value: ratio(sum(tests.filter(ofProduct)), sum(sources.filter(ofProduct))),
      note: 'packages and services, with the system and fault tests',
    },
    {
      name: 'test lines per source line',
      value: ratio(sum(tests), sum(sources)),
      note: 'of everything, with tools and benchmarks',
    },
    {
      name: 'words of documentation',
      value: docs.reduce((total, { text }) => total + wordCount(text), 0),
      note: 'README and docs',
    },
    {
      name: 'files on the way of a reading',
      value: filesOnTheWay(architecture).length,
      note: '[listed above](#one-reading)',
    },
  ];
}

/** Whether a file belongs to the product or tests it; the other tools and `bench` do not. @param {File} file */
function ofProduct({ path }) {
  return !/^(bench|examples|tools\/(?!test-kit))/.test(path);
}

/** @param {number} some @param {number} of */
function ratio(some, of) {
  return Math.round((some / Math.max(1, of)) * 100) / 100;
}

/** @param {readonly { lines: number }[]} sorted @param {number} share */
function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.lines ?? 0;
}

/** @param {string} text */
function lineCount(text) {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** Counts words with a letter or a digit, not table bars or arrows. @param {string} text */
export function wordCount(text) {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** Whether nothing remains of the file after compilation. @param {string} text */
export function isTypesOnly(text) {
  const { statements } = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest);
  return statements.every(
    (statement) =>
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement) ||
      ts.isImportDeclaration(statement) ||
      (ts.isExportDeclaration(statement) && statement.isTypeOnly),
  );
}

/** The paths between the markers in docs/architecture.md. @param {string} architecture */
export function filesOnTheWay(architecture) {
  const [, list = ''] =
    /<!-- way of a reading -->\n([\s\S]*?)<!-- \/way of a reading -->/.exec(architecture) ?? [];
  return [...list.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, path = '']) => path);
}

/** @param {readonly Figure[]} figures */
export function tableOf(figures) {
  const rows = figures.map(
    ({ name, value, note }) => `| ${name} | ${value.toLocaleString('en')} | ${note} |`,
  );
  return ['| figure | value | |', '|---|--:|---|', ...rows].join('\n');
}

const TABLE = /(<!-- tree -->\n)([\s\S]*?)(<!-- \/tree -->)/;

/** @param {string} architecture @param {readonly Figure[]} figures */
export function withTable(architecture, figures) {
  return architecture.replace(TABLE, `$1${tableOf(figures)}\n$3`);
}

/**
 * The figures of the page that differ by more than the tolerance, or are missing.
 * @param {string} architecture @param {readonly Figure[]} figures @param {number} tolerance
 */
export function wrongFigures(architecture, figures, tolerance = 0.05) {
  const [, , table = ''] = TABLE.exec(architecture) ?? [];
  return figures.flatMap(({ name, value }) => {
    const row = table.split('\n').find((line) => line.startsWith(`| ${name} |`));
    const stated = Number(row?.split('|')[2]?.replaceAll(',', '').trim() || Number.NaN);
    // In a small count, a difference of one is acceptable.
    if (Math.abs(stated - value) <= Math.max(value * tolerance, value >= 5 ? 1 : 0)) return [];
    return [`${name}: ${Number.isNaN(stated) ? 'not stated' : `stated as ${stated}`}, measured ${value}`];
  });
}
