// Finds wording in texts, counts it, and compares the counts with the committed baseline. Pure.

/** @typedef {import('./wording.mjs').Wording} Wording */
/** @typedef {{ name: string, line: number, text: string, instead: string }} Hit */
/** @typedef {Record<string, Record<string, number>>} Counts file → name of the wording → how often */
/** @typedef {{ text: string, in?: string, reason: string }} Allowed */

/**
 * @param {string} path @param {string} source @param {readonly Wording[]} wordings @param {readonly Allowed[]} allowed @returns {Hit[]}
 */
export function find(path, source, wordings, allowed = []) {
  const lines = source.split('\n');
  const text = readable(path, source, allowed);
  return wordings
    .flatMap(({ name, pattern, instead }) =>
      [...text.matchAll(pattern)].map(({ index }) => {
        const line = text.slice(0, index).split('\n').length;
        return { name, line, text: lines[line - 1]?.trim() ?? '', instead };
      }),
    )
    .sort((one, other) => one.line - other.line);
}

/**
 * The readable text of a file, line by line: the prose of Markdown and the comments in its code blocks; of other files everything, with
 * identifiers split into words and comment markers removed.
 * @param {string} path @param {string} source @param {readonly Allowed[]} allowed
 */
function readable(path, source, allowed) {
  let text = source;
  for (const { text: phrase, in: prefix = '' } of allowed)
    if (path.startsWith(prefix)) text = text.replaceAll(phrase, '');
  if (path.endsWith('.md')) return prose(text);
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .replace(/\n[ \t]*(?:\*(?!\/)|\/\/|--|#)[ \t]*/g, '\n');
}

/** @param {string} markdown */
function prose(markdown) {
  let isCode = false;
  return markdown
    .split('\n')
    .map((line) => {
      const isFence = /^\s*```/.test(line);
      if (isFence) isCode = !isCode;
      if (isFence) return '';
      if (isCode) return /(?:^|\s)#+ (.*)$/.exec(line)?.[1] ?? '';
      return line.replace(/`[^`]*`/g, '').replace(/\]\([^)]*\)/g, ']');
    })
    .join('\n');
}

/** @param {readonly Hit[]} hits @returns {Record<string, number>} */
export function countByName(hits) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const { name } of hits) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/**
 * The counts above the baseline, and those below.
 * @param {Counts} now @param {Counts} baseline
 */
export function compare(now, baseline) {
  const names = [...new Set([...Object.keys(now), ...Object.keys(baseline)])].sort();
  const rows = names.flatMap((file) => {
    const kinds = new Set([...Object.keys(now[file] ?? {}), ...Object.keys(baseline[file] ?? {})]);
    return [...kinds].map((name) => ({
      file,
      name,
      is: now[file]?.[name] ?? 0,
      was: baseline[file]?.[name] ?? 0,
    }));
  });
  return { exceeded: rows.filter(({ is, was }) => is > was), shrunk: rows.filter(({ is, was }) => is < was) };
}

/**
 * Names of wordings whose total over all files exceeds the baseline: hits may move between files, but their total must not grow.
 * @param {Counts} now @param {Counts} baseline
 */
export function grown(now, baseline) {
  const [is, was] = [totals(now), totals(baseline)];
  return Object.keys(is).filter((name) => (is[name] ?? 0) > (was[name] ?? 0));
}

/** @param {Counts} counts @returns {Record<string, number>} */
function totals(counts) {
  /** @type {Record<string, number>} */
  const sums = {};
  for (const file of Object.values(counts))
    for (const [name, count] of Object.entries(file)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

/** One file per line, so that changes to two files do not conflict. @param {Counts} counts */
export function baselineText(counts) {
  const lines = Object.keys(counts)
    .sort()
    .filter((file) => Object.keys(counts[file] ?? {}).length > 0)
    .map((file) => `  ${JSON.stringify(file)}: ${JSON.stringify(counts[file])}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}
