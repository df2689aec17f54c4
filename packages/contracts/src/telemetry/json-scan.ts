/**
 * Parses JSON text as strictly as JSON.parse, and explains where and why it is invalid. It is slower, so it is used only for text that has been
 * rejected or is suspicious. It does not recurse, so deep text cannot exhaust the stack.
 */

/** The fault of a JSON text, and its offset in characters from 0. */
export interface JsonFault {
  readonly at: number;
  readonly problem: string;
}

/** An open object or list. `key` is the name or index of the current member. */
interface Container {
  readonly close: '}' | ']';
  readonly keys?: Set<string>;
  key: string | number;
}

const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON allows none in a string
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
/** Ends a run of plain characters in a string. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const STRING_ENDS = /["\\\u0000-\u001f]/;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[\p{L}_$][\p{L}\d_$]*/uy;
const CONSTANTS = ['true', 'false', 'null'];
/** Constants of other languages, and their JSON equivalents. */
const FOREIGN: Readonly<Record<string, string>> = {
  True: 'true',
  False: 'false',
  None: 'null',
  nil: 'null',
  undefined: 'null',
  NaN: 'null',
  nan: 'null',
  Infinity: 'null',
};

/** Finds the first fault of a JSON text, including duplicate keys; undefined if it is valid. */
export function jsonFault(text: string): JsonFault | undefined {
  return new Scanner(text).run();
}

/** An integer in a JSON text that a double cannot represent exactly, and its path. */
export interface InexactInteger {
  readonly path: readonly (string | number)[];
  readonly literal: string;
}

/** Finds the first integer above 2^53-1 (or below its negative) in a valid JSON text; numbers with a fraction or an exponent do not count. */
export function inexactInteger(text: string): InexactInteger | undefined {
  let found: InexactInteger | undefined;
  new Scanner(text, (literal, path) => {
    if (found === undefined && /^-?\d+$/.test(literal) && !Number.isSafeInteger(Number(literal)))
      found = { path: path(), literal };
  }).run();
  return found;
}

class Scanner {
  private at = 0;
  private readonly open: Container[] = [];

  constructor(
    private readonly text: string,
    private readonly onNumber?: (literal: string, path: () => (string | number)[]) => void,
  ) {}

  run(): JsonFault | undefined {
    if (this.text.trim() === '') return fault(0, 'the text is empty');
    if (this.text.startsWith('\ufeff')) return fault(0, 'a byte order mark');
    let problem = this.value();
    while (problem === undefined && this.open.length > 0) problem = this.next();
    if (problem !== undefined) return problem;
    this.skipSpace();
    return this.isAtEnd ? undefined : fault(this.at, `${this.here()} after the end of the value`);
  }

  /** Reads a scalar, or the start of an object or list. */
  private value(): JsonFault | undefined {
    this.skipSpace();
    const start = this.at;
    const char = this.text[start];
    if (char === '{' || char === '[') {
      this.at += 1;
      this.open.push(char === '{' ? { close: '}', keys: new Set(), key: '' } : { close: ']', key: -1 });
      return undefined;
    }
    if (char === '"') return this.take(STRING) === undefined ? this.unterminatedString(start) : undefined;
    const number = this.take(NUMBER);
    if (number !== undefined) {
      this.onNumber?.(number, () => this.open.map(({ key }) => key));
      return undefined;
    }
    const word = this.take(WORD);
    if (word !== undefined && CONSTANTS.includes(word)) return undefined;
    this.at = start;
    return fault(start, word === undefined ? this.noValue() : invalidWord(word));
  }

  /** Reads the end of the innermost object or list, or its next member. */
  private next(): JsonFault | undefined {
    const inner = this.open.at(-1)!;
    this.skipSpace();
    const isFirst = inner.keys === undefined ? inner.key === -1 : inner.keys.size === 0;
    if (this.text[this.at] === inner.close) {
      this.at += 1;
      this.open.pop();
      return undefined;
    }
    if (!isFirst) {
      if (this.text[this.at] !== ',')
        return fault(
          this.at,
          this.isAtEnd ? this.unfinished() : `${this.here()} instead of "," or "${inner.close}"`,
        );
      this.at += 1;
      this.skipSpace();
      if (this.text[this.at] === inner.close) return fault(this.at, `a comma before "${inner.close}"`);
    }
    if (inner.keys === undefined) {
      inner.key = Number(inner.key) + 1;
      return this.value();
    }
    return this.member(inner, inner.keys);
  }

  private member(inner: Container, keys: Set<string>): JsonFault | undefined {
    const start = this.at;
    if (this.isAtEnd) return fault(start, this.unfinished());
    if (this.text[start] !== '"') return fault(start, `${this.here()} instead of a name in double quotes`);
    const name = this.take(STRING);
    if (name === undefined) return this.unterminatedString(start);
    const key = JSON.parse(name) as string;
    if (keys.has(key)) return fault(start, `the key ${JSON.stringify(key)} appears twice`);
    keys.add(key);
    inner.key = key;
    this.skipSpace();
    if (this.text[this.at] !== ':')
      return fault(this.at, this.isAtEnd ? this.unfinished() : `${this.here()} instead of ":"`);
    this.at += 1;
    return this.value();
  }

  private unterminatedString(start: number): JsonFault {
    const end = this.text.slice(start + 1).search(STRING_ENDS);
    const at = start + 1 + end;
    if (end === -1) return fault(start, 'a string without a closing double quote');
    if (this.text[at] === '\\') return fault(at, 'an invalid escape sequence, or an unterminated string');
    return fault(at, 'a control character in a string: write \\n, \\t or \\u00XX');
  }

  private noValue(): string {
    if (this.isAtEnd) return this.unfinished();
    return this.text[this.at] === "'"
      ? 'single quotes: JSON uses double quotes'
      : `${this.here()} instead of a value`;
  }

  private unfinished(): string {
    const inner = this.open.at(-1);
    return inner === undefined ? 'the text ends early' : `the text ends early, "${inner.close}" is missing`;
  }

  private here(): string {
    return JSON.stringify(String.fromCodePoint(this.text.codePointAt(this.at)!));
  }

  private get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  private skipSpace(): void {
    this.take(SPACE);
  }

  private take(token: RegExp): string | undefined {
    token.lastIndex = this.at;
    const found = token.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }
}

function invalidWord(word: string): string {
  const json = Object.hasOwn(FOREIGN, word) ? FOREIGN[word] : undefined;
  const short = word.slice(0, 40);
  return json === undefined
    ? `${short} is not a JSON value; strings need double quotes`
    : `${short} is not a JSON value; use ${json}`;
}

function fault(at: number, problem: string): JsonFault {
  return { at, problem };
}
