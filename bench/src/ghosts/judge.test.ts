import { countGhosts, type Ghost, judge, LogInconsistent } from './judge.js';
import type { LogEntry, ScriptedCommand } from './outage-log.js';

/** A log in one line per entry; the position in the list is its time in seconds. */
type Line =
  | ['back' | 'away', number?]
  | ['issued', number, Partial<ScriptedCommand>?]
  | ['executed', number, number?];

function logOf(lines: readonly Line[]): LogEntry[] {
  return lines.map(([event, n = 0, more], second): LogEntry => {
    const at = second * 1000;
    if (event === 'back' || event === 'away') return { at, event, device: n };
    if (event === 'executed') return { at, event, n, device: typeof more === 'number' ? more : 0 };
    const command = {
      n,
      device: 0,
      lane: 'led_on',
      kind: 'latest',
      value: n % 2 === 1,
      ttlMs: undefined,
    } as const;
    return { at, event, command: { ...command, ...(typeof more === 'object' && more) } };
  });
}

const found = (...lines: Line[]) => judge(logOf(lines)).map(({ ghost, command }) => `${ghost} ${command.n}`);

const STEP = { lane: 'arm_step', kind: 'ordered' } as const;

describe('the judge', () => {
  it('finds nothing where the newest, and only the newest, arrives after the return', () => {
    expect(
      found(
        ['back'],
        ['issued', 1],
        ['executed', 1],
        ['away'],
        ['issued', 2],
        ['issued', 3],
        ['back'],
        ['executed', 3],
      ),
    ).toEqual([]);
  });

  it('calls an execution stale when a newer command was issued before the device came back', () => {
    expect(
      found(['back'], ['away'], ['issued', 1], ['issued', 2], ['back'], ['executed', 1], ['executed', 2]),
    ).toEqual(['stale 1']);
  });

  it('does not call it stale when the newer command came while the device was there', () => {
    expect(found(['back'], ['issued', 1], ['issued', 2], ['executed', 1], ['executed', 2])).toEqual([]);
  });

  it('calls an execution stale after its expiry', () => {
    expect(found(['back'], ['away'], ['issued', 1, { ttlMs: 2000 }], ['back'], ['executed', 1])).toEqual([
      'stale 1',
    ]);
  });

  it('does not miss a command that expired while its device was away', () => {
    expect(
      found(['back'], ['issued', 2], ['executed', 2], ['away'], ['issued', 3, { ttlMs: 500 }], ['back']),
    ).toEqual([]);
  });

  it('misses a command that expired though its device was there', () => {
    expect(found(['back'], ['issued', 1, { ttlMs: 500 }])).toEqual(['newestLost 1', 'wrongState 1']);
  });

  it('misses the newest command, and sees that the state is the old one', () => {
    expect(found(['back'], ['issued', 1], ['executed', 1], ['away'], ['issued', 2], ['back'])).toEqual([
      'newestLost 2',
      'wrongState 2',
    ]);
  });

  it('misses the newest command also where the state happens to be right', () => {
    expect(
      found(['back'], ['issued', 1], ['executed', 1], ['away'], ['issued', 2], ['issued', 3], ['back']),
    ).toEqual(['newestLost 3']);
  });

  it('misses each step of a sequence, and takes none of them for superseded', () => {
    expect(
      found(
        ['back'],
        ['away'],
        ['issued', 1, STEP],
        ['issued', 2, STEP],
        ['issued', 3, STEP],
        ['back'],
        ['executed', 3],
      ),
    ).toEqual(['stepLost 1', 'stepLost 2']);
  });

  it('sees what is executed out of order, and what state that leaves', () => {
    expect(
      found(['back'], ['issued', 1, STEP], ['issued', 2, STEP], ['executed', 2], ['executed', 1]),
    ).toEqual(['outOfOrder 1', 'wrongState 2']);
  });

  it('counts each execution beyond the first, and does not call it out of order as well', () => {
    expect(
      found(
        ['back'],
        ['issued', 1, STEP],
        ['issued', 2, STEP],
        ['executed', 1],
        ['executed', 2],
        ['executed', 1],
        ['executed', 2],
      ),
    ).toEqual(['twice 1', 'twice 2']);
  });

  it('keeps lanes and devices apart', () => {
    expect(
      found(
        ['back', 0],
        ['back', 1],
        ['issued', 1],
        ['issued', 2, { lane: 'door_open' }],
        ['issued', 3, { device: 1 }],
        ['executed', 3, 1],
        ['executed', 2],
        ['executed', 1],
      ),
    ).toEqual([]);
  });

  it('does not accept an execution by another device than the command was for', () => {
    expect(() => judge(logOf([['back'], ['issued', 1], ['executed', 1, 7]]))).toThrow(LogInconsistent);
  });
});

describe('the count', () => {
  it('counts each kind, and of wrong states the devices', () => {
    const log = logOf([['back'], ['issued', 1], ['issued', 2, { lane: 'level' }], ['issued', 3, STEP]]);
    const none: Record<Ghost, number> = {
      stale: 0,
      newestLost: 0,
      stepLost: 0,
      wrongState: 0,
      outOfOrder: 0,
      twice: 0,
    };
    expect(countGhosts(judge(log))).toEqual({ ...none, newestLost: 2, stepLost: 1, wrongState: 1 });
    expect(countGhosts([])).toEqual(none);
  });
});
