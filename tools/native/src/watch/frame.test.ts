import { drawFrame } from './frame.js';
import type { Numbers } from './numbers.js';

const GOOD: Numbers = {
  from: 'Prometheus at 127.0.0.1:9090',
  telemetry: 24.96,
  loopP99: 0.0048,
  oldestPending: 0,
  unexplainedCommands: 0,
  unexplainedReadings: 0,
  devicesOnline: 50,
  devicesKnown: 50,
  commands: 3.1,
  brokerDropped: 0,
  ruleErrors: 0,
  alerts: [],
  down: [],
};
const UNKNOWN = Object.fromEntries(Object.keys(GOOD).map((name) => [name, undefined])) as unknown as Numbers;

const now = new Date('2026-11-22T12:00:00Z');
const draw = (more: Partial<Numbers>, width = 80) =>
  drawFrame({ ...GOOD, ...more }, { width, color: false, now });
const line = (frame: string, name: string) => frame.split('\n').find((text) => text.includes(name)) ?? '';

describe('drawFrame', () => {
  it('shows every number with its unit', () => {
    expect(draw({})).toBe(`Lamplighter  12:00:00  Prometheus at 127.0.0.1:9090

  ok    Telemetry                     25.0/s   readings stored
  ok    Loop p99                      4.8 ms   reading to its command's PUBACK
  ok    Oldest pending                   0 s   age of the oldest open command
  ok    Unexplained loss               0 / 0   commands / readings, each minute
  ok    Devices online              50 of 50   of all devices that reported
  ok    Commands                       3.1/s   dispatched
  ok    Broker dropped                     0   messages, recent
  ok    Rule errors                        0   evaluations, recent
  ok    Alerts firing                      0

All known values are within their limits.
`);
  });

  it.each([
    ['Telemetry', { telemetry: 0 }, 'act'],
    ['Loop p99', { loopP99: 0.3 }, 'look'],
    ['Loop p99', { loopP99: 2 }, 'act'],
    ['Oldest pending', { oldestPending: 61 }, 'look'],
    ['Oldest pending', { oldestPending: 3600 }, 'act'],
    ['Unexplained loss', { unexplainedReadings: 3 }, 'look'],
    ['Unexplained loss', { unexplainedCommands: 1 }, 'act'],
    ['Devices online', { devicesOnline: 44 }, 'look'],
    ['Devices online', { devicesOnline: 1 }, 'act'],
    ['Broker dropped', { brokerDropped: 7 }, 'look'],
    ['Rule errors', { ruleErrors: 7 }, 'look'],
    ['Alerts firing', { alerts: ['ServiceDown'] }, 'act'],
  ])('marks %s %j as %s', (name, numbers, mark) => {
    const frame = draw(numbers);
    expect(line(frame, name)).toMatch(new RegExp(`^  ${mark} +${name}`));
    expect(frame).toContain(`Check: ${name}`);
  });

  it('names the runbooks of firing alerts and the services that do not respond', () => {
    const frame = draw({ alerts: ['CanaryStale', 'ServiceDown'], down: ['rules'] });
    expect(frame).toContain('CanaryStale, ServiceDown');
    expect(frame).toContain('docs/runbooks/ServiceDown.md');
    expect(frame).toContain('Not responding: rules');
  });

  it('marks unknown values as neither good nor bad', () => {
    const frame = draw({ ...UNKNOWN, from: 'x', down: [] });
    expect(frame.match(/^ {2}– /gm)).toHaveLength(9);
  });

  it('fits the terminal, and uses colour only if allowed', () => {
    const long = { from: 'x'.repeat(200), alerts: Array.from({ length: 30 }, (_, i) => `Alert${i}`) };
    for (const width of [40, 80, 120])
      for (const text of draw(long, width).split('\n')) expect(text.length).toBeLessThan(width);
    expect(draw(long)).not.toContain('\x1b');
    const colored = drawFrame({ ...GOOD, ...long }, { width: 80, color: true, now });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes start with one
    const bare = colored.replace(/\x1b\[\d+m/g, '');
    expect(bare).toBe(draw(long));
    expect(colored).toContain('\x1b[31m  act');
  });
});
