/** An object or array that has not ended yet; `at` is its current key or index. */
interface Open {
  /** The keys of an object; undefined until it has one. */
  keys?: Set<string>;
  at: string | number;
}

/**
 * The path of the first key that appears twice in one object of a JSON text. `JSON.parse` would keep the last value, which may
 * not be the intended one.
 * @param text valid JSON
 * @param maxDepth deeper nesting is not checked
 */
export function repeatedKey(text: string, maxDepth: number): readonly (string | number)[] | undefined {
  const open: Open[] = [];
  let latest = '';
  for (let i = 0; i < text.length; i += 1) {
    const here = open.at(-1);
    switch (text[i]) {
      case '"': {
        const end = endOfString(text, i);
        latest = text.slice(i, end + 1);
        i = end;
        break;
      }
      case ':':
        here!.at = latest.includes('\\') ? (JSON.parse(latest) as string) : latest.slice(1, -1);
        here!.keys ??= new Set();
        if (here!.keys.has(here!.at)) return open.map(({ at }) => at);
        here!.keys.add(here!.at);
        break;
      case ',':
        if (typeof here!.at === 'number') here!.at += 1;
        break;
      case '{':
        open.push({ at: '' });
        break;
      case '[':
        open.push({ at: 0 });
        break;
      case '}':
      case ']':
        open.pop();
        break;
    }
    if (open.length > maxDepth) return undefined;
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}
