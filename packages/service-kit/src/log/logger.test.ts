import { createLogger } from './logger.js';
import { terminalLine } from './terminal-line.js';

/** A logger that keeps its lines. */
function openLog(level = 'debug') {
  const lines: string[] = [];
  const logger = createLogger('rules', level, { write: (line) => void lines.push(line) });
  return { logger, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
}

const KEY = `lamp_0123456789ab.${'x'.repeat(43)}`;

describe('createLogger', () => {
  it('writes one line of JSON with time, level and service', () => {
    const { logger, lines, last } = openLog();
    logger.info({ command: 'id', fleet: 'demo', device: 'lamp-1' }, 'first\nsecond');
    expect(lines).toHaveLength(1);
    expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1);
    expect(last()).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      level: 'info',
      service: 'rules',
      command: 'id',
      fleet: 'demo',
      device: 'lamp-1',
      msg: 'first\nsecond',
    });
  });

  it.each([
    'password',
    'secret',
    'token',
    'authorization',
    'headers',
    'payload',
    'body',
    'reading',
    'measurements',
    'action',
    'result',
  ])('redacts a field named %s', (name) => {
    const { logger, lines } = openLog();
    logger.debug({ [name]: 'hush', command: { [name]: { deep: 'hush' } } }, 'with secrets');
    expect(lines[0]).not.toContain('hush');
    expect(lines[0]).toContain('***');
  });

  it.each([
    ['a password in a URL', 'cannot reach redis://:hush@127.0.0.1:6379'],
    ['user and password in a URL', 'cannot reach mqtts://rules:hush@broker.example'],
    ['an Authorization header', 'sent Authorization: Bearer hush.hush-hush='],
    ['another Authorization header', 'sent authorization: basic aHVzaDpodXNo='],
    ['an API key', `refused ${KEY}`],
  ])('redacts %s anywhere in a line', (_, text) => {
    const { logger, lines } = openLog();
    logger.warn({ reason: text, more: { deep: [text] }, err: new Error(text) }, text);
    expect(lines[0]).not.toMatch(/hush|aHVzaDpodXNo|x{43}/);
    expect(lines[0]).toContain('***');
  });

  it('writes type, message and stack of an error, but no other properties', () => {
    const { logger, lines, last } = openLog();
    const error = Object.assign(new Error('ERR no', { cause: new TypeError('because') }), {
      code: 'E1',
      command: { name: 'hset', args: ['hush'] },
    });
    logger.error({ err: error }, 'failed');
    expect(lines[0]).not.toContain('hush');
    expect(last().err).toMatchObject({
      type: 'Error',
      message: 'ERR no',
      code: 'E1',
      stack: expect.stringContaining('logger.test'),
      cause: { type: 'TypeError', message: 'because' },
    });
  });

  it.each(['hush', '{"light":"hush"', `{"a":[${'"hush",'.repeat(20)}x`])(
    'does not repeat a payload that is not JSON: %s',
    (payload) => {
      const { logger, lines } = openLog();
      try {
        JSON.parse(payload);
      } catch (error) {
        logger.warn({ reason: (error as Error).message, err: error }, 'malformed');
      }
      expect(lines[0]).toContain('JSON');
      expect(lines[0]).not.toContain('hush');
    },
  );

  it('escapes terminal control characters', () => {
    const { logger, lines, last } = openLog();
    const nasty = '\u0000\u0007\u001b[2J\u007f\u009b31m\u2028\u202e';
    logger.warn({ device: nasty }, nasty);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for them
    const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/;
    expect(lines[0]).not.toMatch(controls);
    expect(last()).toMatchObject({ device: nasty, msg: nasty });
    expect(terminalLine(lines[0]!, { color: false })).not.toMatch(controls);
  });

  it('applies the log level', () => {
    const { logger, lines } = openLog('warn');
    logger.debug('1');
    logger.info('2');
    logger.warn('3');
    logger.error('4');
    expect(lines).toHaveLength(2);
  });
});

describe('terminalLine', () => {
  const lineOf = (fields: object, message: string) => {
    const { logger, lines } = openLog();
    logger.warn(fields, message);
    return terminalLine(lines[0]!, { color: false });
  };

  it('is human-readable', () => {
    expect(lineOf({ link: 'telemetry', messages: 3 }, 'the broker is unavailable')).toMatch(
      /^\d\d:\d\d:\d\d[.]\d{3} WARN {2}rules: the broker is unavailable · link telemetry · messages 3\n$/,
    );
  });

  it('appends the stack of an error', () => {
    const [head, ...stack] = lineOf({ err: new Error('broken') }, 'failed')
      .trimEnd()
      .split('\n');
    expect(head).toMatch(/failed$/);
    expect(stack[0]).toBe('    Error: broken');
    expect(stack[1]).toMatch(/^ {4}at /);
  });
});
