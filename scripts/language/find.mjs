// Finds banned wording in texts. Pure.

/** @typedef {import('./wording.mjs').Wording} Wording */
/** @typedef {{ name: string, line: number, text: string, instead: string }} Hit */
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
