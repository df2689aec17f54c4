import { fillIn, readDoc } from './page.js';

describe('fillIn', () => {
  const page = 'before\n<!-- a -->\nold\n<!-- /a -->\nafter';

  it('replaces the text between the markers', () => {
    expect(fillIn(page, 'a', 'new')).toBe('before\n<!-- a -->\nnew\n<!-- /a -->\nafter');
  });

  it('rejects a page without the markers', () => {
    expect(() => fillIn(page, 'b', 'new')).toThrow('no markers for b');
  });
});

it('readDoc reads a page of docs/, and nothing where there is none', () => {
  expect(readDoc('glossary.md')).toContain('# Glossary');
  expect(readDoc('no-such-page.md')).toBe('');
});
