import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url));

/** Replaces the text between `<!-- <name> -->` and `<!-- /<name> -->`. @throws Error if the page has no such markers */
export function fillIn(page: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no markers for ${name}`);
  return `${page.slice(0, from + begin.length)}\n${content}\n${page.slice(to)}`;
}

/** The content of a file in docs/; empty if it does not exist. */
export function readDoc(file: string): string {
  const path = join(DOCS, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Writes files in docs/. */
export function writeDocs(files: Readonly<Record<string, string>>): void {
  for (const [file, content] of Object.entries(files)) writeFileSync(join(DOCS, file), content);
}
