/** An object or array that has begun and not ended; `at` is the key or the index of what stands in it now. */
interface Open {
  readonly keys?: Set<string>;
  at: string | number;
}

/**
 * Where a JSON text names a key of one object a second time, as a path; undefined if nowhere. A parser would keep the last of
 * them, and which one is meant nobody can know.
 * @param text JSON, which is not checked
 * @param maxDepth what is nested deeper is not looked at
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
        if (here!.keys!.has(here!.at)) return open.map(({ at }) => at);
        here!.keys!.add(here!.at);
        break;
      case ',':
        if (typeof here!.at === 'number') here!.at += 1;
        break;
      case '{':
        open.push({ keys: new Set(), at: '' });
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
