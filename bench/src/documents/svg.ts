export const INK = '#333333';
export const GRID = '#dddddd';

/** A complete SVG on white, with a title at the top. */
export function svg(width: number, height: number, title: string, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="${INK}">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(16, 26, title, 'font-size="16" font-weight="bold"'),
    ...content,
    '</svg>',
    '',
  ].join('\n');
}

/** @param more further attributes */
export function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${place(x)}" y="${place(y)}"${more && ` ${more}`}>${content}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, colour = GRID): string {
  return `<line x1="${place(x1)}" y1="${place(y1)}" x2="${place(x2)}" y2="${place(y2)}" stroke="${colour}"/>`;
}

export function dot(x: number, y: number, colour: string): string {
  return `<circle cx="${place(x)}" cy="${place(y)}" r="4.5" fill="${colour}"/>`;
}

export function bar(x: number, y: number, width: number, height: number, colour: string): string {
  return `<rect x="${place(x)}" y="${place(y)}" width="${place(width)}" height="${place(height)}" fill="${colour}"/>`;
}

/** Coordinates have at most one decimal. */
export function place(value: number): string {
  return value.toFixed(1).replace(/[.]0$/, '');
}
