import { find } from '../../../scripts/language/find.mjs';
import { differences } from '../../../scripts/language/translation.mjs';
import { bannedBy, WORDING, wording } from '../../../scripts/language/wording.mjs';

const told = [wording('tell|told', 'report')];
const linesOf = (
  path: string,
  source: string,
  wordings = told,
  allowed = [] as { text: string; reason: string }[],
) => find(path, source, wordings, allowed).map(({ line }) => line);

describe('banned wording is found', () => {
  it('in comments, strings and identifiers of code', () => {
    const source =
      "const isTold = 1;\n// it is TOLD\nlog('we tell');\nconst TOLD_AT = 2;\nconst stolid = 3;\n";
    expect(linesOf('a.ts', source)).toEqual([1, 2, 3, 4]);
  });

  it('across the lines of a comment', () => {
    const many = [wording('as many as (it|they)', 'at most N')];
    expect(linesOf('a.ts', '/**\n * takes as many\n * as it may\n */', many)).toEqual([2]);
    expect(linesOf('a.lua', '-- as many as\n-- they may', many)).toEqual([1]);
  });

  it('in the prose of Markdown and the comments of its commands, not in code', () => {
    const page = 'It told\n`told` [x](told.md)\n```sh\ntold   # told\n```\n';
    expect(linesOf('a.md', page)).toEqual([1, 4]);
  });

  it('unless it is part of an allowed name', () => {
    const allowed = [{ text: 'TELL_AGAIN_MS', reason: 'a name' }];
    expect(linesOf('a.ts', 'TELL_AGAIN_MS;\ntell();\n', told, allowed)).toEqual([2]);
  });

  it('if the glossary bans it', () => {
    const glossary =
      '| word | meaning | not |\n|---|---|---|\n| ledger | sums | `books`, `the books` |\n| lane | x | |\n';
    const wordings = bannedBy(glossary);
    expect(wordings.map(({ name, instead }) => [name, instead])).toEqual([
      ['books', 'ledger'],
      ['the books', 'ledger'],
    ]);
    expect(linesOf('a.ts', 'readBooks();\nhandbooks', wordings)).toEqual([1]);
  });
});

it('every wording has a unique name', () => {
  const names = WORDING.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

describe('translation', () => {
  const page = '# A\n\n## B\n\n<!-- test: background -->\n```sh\nls # x\n```\n';

  it('can differ in words', () => {
    expect(differences(page, page.replace('# A', '# 가').replace('## B', '## 나'))).toEqual([]);
  });

  it('must keep headings and code blocks', () => {
    expect(differences(page, page.replace('## B', '### B'))).toEqual([expect.stringContaining('headings')]);
    expect(differences(page, page.replace('ls', 'dir'))).toEqual(['code block 1 differs: ```sh']);
    expect(differences(page, '# A\n\n## B\n')).toEqual(['code blocks: 1 became 0']);
  });
});
