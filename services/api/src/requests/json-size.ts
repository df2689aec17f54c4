/** Keys of one object in a body. No request needs more than a thousand. */
const MAX_KEYS = 2000;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Why a JSON text is too large to parse: a short text can stand for a million empty lists, and each of them costs time and memory.
 * Reads the text once and allocates almost nothing. Invalid JSON is left to the parser.
 */
export function excessIn(text: Uint8Array, maxValues: number): string | undefined {
  /** For each open object and list, the commas in it; -1 if it is a list. */
  const commas: number[] = [];
  let values = 1;
  for (let i = 0; i < text.length; i += 1) {
    switch (text[i]) {
      case QUOTE:
        for (i += 1; i < text.length && text[i] !== QUOTE; i += 1) if (text[i] === BACKSLASH) i += 1;
        break;
      case OPEN_LIST:
        values += 1;
        commas.push(-1);
        break;
      case OPEN_OBJECT:
        values += 1;
        commas.push(0);
        break;
      case COMMA: {
        values += 1;
        const here = commas.length - 1;
        if (commas[here] === -1) break;
        commas[here]! += 1;
        if (commas[here]! >= MAX_KEYS) return `an object has more than ${MAX_KEYS} keys`;
        break;
      }
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        commas.pop();
        break;
    }
    if (values > maxValues) return `it has more than ${maxValues} values`;
  }
  return undefined;
}
