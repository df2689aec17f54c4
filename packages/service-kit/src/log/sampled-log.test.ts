import { jest } from '@jest/globals';
import { createLogger } from './logger.js';
import { SampledLog } from './sampled-log.js';

function openSampled(level: string, perSecond: number) {
  const lines: { msg: string; suppressed?: number }[] = [];
  const logger = createLogger('rules', level, { write: (line) => void lines.push(JSON.parse(line)) });
  return { lines, log: new SampledLog(logger, 'debug', perSecond) };
}

beforeEach(() => jest.useFakeTimers({ now: 0 }));
afterEach(() => jest.useRealTimers());

it('limits lines per second and reports the number of omitted ones', () => {
  const { log, lines } = openSampled('debug', 3);
  for (let i = 0; i < 10; i += 1) log.write({ i }, 'hot');
  expect(lines.map(({ msg }) => msg)).toEqual(['hot', 'hot', 'hot']);
  jest.advanceTimersByTime(1000);
  expect(lines.slice(3)).toEqual([expect.objectContaining({ suppressed: 7 })]);
  log.write({}, 'hot');
  jest.advanceTimersByTime(5000);
  expect(lines.slice(4).map(({ msg }) => msg)).toEqual(['hot']);
});

it('writes and counts nothing if its level is disabled', () => {
  const { log, lines } = openSampled('info', 3);
  expect(log.isOn).toBe(false);
  for (let i = 0; i < 10; i += 1) log.write({ i }, 'hot');
  jest.advanceTimersByTime(5000);
  expect(lines).toEqual([]);
});
