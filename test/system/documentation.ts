import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@lamplighter/native/state/repository';

/** A fenced block of a Markdown page. */
export interface Block {
  readonly page: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** The heading above it, as an anchor. */
  readonly section: string;
  readonly language: string;
  readonly text: string;
  /** The instruction in an HTML comment directly above it: `<!-- test: background -->`. */
  readonly mark: string | undefined;
}

/** Folders without pages of this repository. */
const FOREIGN = new Set(['node_modules', 'dist', 'coverage', '.git', '.lamplighter']);

/** The paths of all Markdown pages of the repository. */
export function allPages(folder = ''): string[] {
  return readdirSync(join(REPOSITORY, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return FOREIGN.has(entry.name) ? [] : allPages(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** Pages with commands for the reader: all except changelog, decisions, and translations, which have their own test. */
export function pagesWithCommands(): string[] {
  return allPages().filter((page) => !/^CHANGELOG[.]md$|^docs\/decisions\/|[.]ko[.]md$/.test(page));
}

export function readPage(page: string): string {
  return readFileSync(join(REPOSITORY, page), 'utf8');
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const lines = readPage(page).split('\n');
  const blocks: Block[] = [];
  let section = '';
  for (let at = 0; at < lines.length; at++) {
    const heading = /^#+ (.*)$/.exec(lines[at]!)?.[1];
    if (heading !== undefined) section = slugOf(heading);
    const fence = /^(`{3,})(\w*)$/.exec(lines[at]!);
    if (!fence) continue;
    const end = lines.indexOf(fence[1]!, at + 1);
    if (end < 0) throw new Error(`${page}:${at + 1} is never closed`);
    const text = `${lines.slice(at + 1, end).join('\n')}\n`;
    const mark = /^<!-- test: (.*) -->$/.exec(lines[at - 1] ?? '')?.[1];
    blocks.push({ page, line: at + 1, section, language: fence[2]!, text, mark });
    at = end;
  }
  return blocks;
}

/** A page without its fenced blocks. */
export function proseOf(page: string): string {
  return readPage(page).replace(/^(`{3,})\w*\n[\s\S]*?^\1$/gm, '');
}

/** The anchor that GitHub makes of a heading. */
export function slugOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-');
}
