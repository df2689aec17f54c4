import { readFileSync } from 'node:fs';
import { PROBLEM_TYPES } from './problem-types.js';

describe('problem types', () => {
  it('match the list in docs/api/README.md', () => {
    const page = readFileSync(new URL('../../../../docs/api/README.md', import.meta.url), 'utf8');
    const listed = [...page.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \| (.*) \|$/gm)].map(([row]) => row);
    const rows = Object.entries(PROBLEM_TYPES).map(
      ([name, { status, title }]) => `| \`${name}\` | ${status} | ${title} |`,
    );
    expect(listed).toEqual(rows);
  });
});
