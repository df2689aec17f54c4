import { makeScript, type Step } from './script.js';

const DEVICES = 20;
const script = makeScript(7, DEVICES);
const positionOf = (what: Step['do']) => script.findIndex((step) => step.do === what);
const commands = (steps: readonly Step[]) =>
  steps.flatMap((step) => ('command' in step ? [step.command] : []));
const isReturn = (step: Step) => step.do === 'return';

describe('makeScript', () => {
  it('depends only on its seed', () => {
    expect(makeScript(7, DEVICES)).toEqual(script);
    expect(makeScript(8, DEVICES)).not.toEqual(script);
  });

  it('numbers commands in the order of their issue', () => {
    const numbers = commands(script).map(({ n }) => n);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  it('disconnects every device, in each of the ways, and restores it before the end', () => {
    const offline = new Set<number>();
    const ways = new Set<string>();
    for (const step of script) {
      if (step.do === 'leave') ways.add(step.how);
      if (step.do === 'cut-during') ways.add(step.do);
      if (step.do === 'leave') offline.add(step.device);
      if (step.do === 'cut-during') offline.add(step.command.device);
      if (step.do === 'return') expect(offline.delete(step.device)).toBe(true);
      if (step.do === 'stop-broker') expect(offline.size).toBe(DEVICES);
    }
    expect([...ways].sort()).toEqual(['cut', 'cut-during', 'goodbye']);
    expect(offline.size).toBe(0);
  });

  it('issues the newest command of some lamp before, during and after the restart of the broker', () => {
    const newest = new Map(
      commands(script)
        .filter(({ lane }) => lane === 'led_on')
        .map(({ device, n }) => [device, n]),
    );
    const numbersIn = (from: number, to: number) =>
      new Set(commands(script.slice(from, to)).map(({ n }) => n));
    const [stop, start] = [positionOf('stop-broker'), positionOf('start-broker')];
    for (const phase of [numbersIn(0, stop), numbersIn(stop, start), numbersIn(start, script.length)])
      expect([...newest.values()].filter((n) => phase.has(n)).length).toBeGreaterThan(DEVICES / 4);
  });

  it('issues nothing after the first return, which is later than the last expiry', () => {
    const first = script.findIndex(isReturn);
    expect(commands(script.slice(first))).toEqual([]);
    const issued = script.findLastIndex((step) => 'command' in step && step.command.ttlMs !== undefined);
    const passed = script
      .slice(issued, first)
      .reduce((sum, step) => sum + (step.do === 'pass' ? step.ms : 0), 0);
    const { ttlMs } = (script[issued] as Extract<Step, { do: 'issue' }>).command;
    expect(passed).toBeGreaterThan(ttlMs!);
  });

  it("issues more for one lane than the broker's default queue holds", () => {
    const burst = commands(script).filter(({ device, lane }) => device === 0 && lane === 'level');
    expect(burst.length).toBeGreaterThan(1000);
  });
});
