import { countViolations, findViolations, LogInconsistent, type ViolationKind } from './find-violations.js';
import type { LogEntry, ScriptedCommand } from './outage-log.js';

/** A log in one line per entry; the position in the list is its time in seconds. */
type Line =
  | ['online' | 'offline', number?]
  | ['issued', number, Partial<ScriptedCommand>?]
  | ['executed', number, number?];

function logOf(lines: readonly Line[]): LogEntry[] {
  return lines.map(([event, n = 0, more], second): LogEntry => {
    const at = second * 1000;
    if (event === 'online' || event === 'offline') return { at, event, device: n };
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

const found = (...lines: Line[]) =>
  findViolations(logOf(lines)).map(({ ghost, command }) => `${ghost} ${command.n}`);

const STEP = { lane: 'arm_step', kind: 'ordered' } as const;

describe('findOffences', () => {
  it('finds nothing if only the newest command is executed after the return', () => {
    expect(
      found(
        ['online'],
        ['issued', 1],
        ['executed', 1],
        ['offline'],
        ['issued', 2],
        ['issued', 3],
        ['online'],
        ['executed', 3],
      ),
    ).toEqual([]);
  });

  it('reports a stale execution if a newer command was issued before the return', () => {
    expect(
      found(
        ['online'],
        ['offline'],
        ['issued', 1],
        ['issued', 2],
        ['online'],
        ['executed', 1],
        ['executed', 2],
      ),
    ).toEqual(['stale 1']);
  });

  it('allows an older command if the newer one was issued while the device was online', () => {
    expect(found(['online'], ['issued', 1], ['issued', 2], ['executed', 1], ['executed', 2])).toEqual([]);
  });

  it('reports a stale execution after the expiry', () => {
    expect(
      found(['online'], ['offline'], ['issued', 1, { ttlMs: 2000 }], ['online'], ['executed', 1]),
    ).toEqual(['stale 1']);
  });

  it('ignores a command that expired while its device was offline', () => {
    expect(
      found(
        ['online'],
        ['issued', 2],
        ['executed', 2],
        ['offline'],
        ['issued', 3, { ttlMs: 500 }],
        ['online'],
      ),
    ).toEqual([]);
  });

  it('reports a lost command that expired while its device was online', () => {
    expect(found(['online'], ['issued', 1, { ttlMs: 500 }])).toEqual(['newestLost 1', 'wrongState 1']);
  });

  it('reports a lost newest command and the wrong state', () => {
    expect(found(['online'], ['issued', 1], ['executed', 1], ['offline'], ['issued', 2], ['online'])).toEqual(
      ['newestLost 2', 'wrongState 2'],
    );
  });

  it('reports a lost newest command even if the state is right', () => {
    expect(
      found(
        ['online'],
        ['issued', 1],
        ['executed', 1],
        ['offline'],
        ['issued', 2],
        ['issued', 3],
        ['online'],
      ),
    ).toEqual(['newestLost 3']);
  });

  it('reports each lost step of a sequence', () => {
    expect(
      found(
        ['online'],
        ['offline'],
        ['issued', 1, STEP],
        ['issued', 2, STEP],
        ['issued', 3, STEP],
        ['online'],
        ['executed', 3],
      ),
    ).toEqual(['stepLost 1', 'stepLost 2']);
  });

  it('reports execution out of order and the wrong state', () => {
    expect(
      found(['online'], ['issued', 1, STEP], ['issued', 2, STEP], ['executed', 2], ['executed', 1]),
    ).toEqual(['outOfOrder 1', 'wrongState 2']);
  });

  it('reports each repeated execution, but not as out of order', () => {
    expect(
      found(
        ['online'],
        ['issued', 1, STEP],
        ['issued', 2, STEP],
        ['executed', 1],
        ['executed', 2],
        ['executed', 1],
        ['executed', 2],
      ),
    ).toEqual(['twice 1', 'twice 2']);
  });

  it('separates lanes and devices', () => {
    expect(
      found(
        ['online', 0],
        ['online', 1],
        ['issued', 1],
        ['issued', 2, { lane: 'door_open' }],
        ['issued', 3, { device: 1 }],
        ['executed', 3, 1],
        ['executed', 2],
        ['executed', 1],
      ),
    ).toEqual([]);
  });

  it('rejects an execution by another device', () => {
    expect(() => findViolations(logOf([['online'], ['issued', 1], ['executed', 1, 7]]))).toThrow(
      LogInconsistent,
    );
  });
});

describe('countGhosts', () => {
  it('counts ghosts, and devices in a wrong state', () => {
    const log = logOf([['online'], ['issued', 1], ['issued', 2, { lane: 'level' }], ['issued', 3, STEP]]);
    const none: Record<ViolationKind, number> = {
      stale: 0,
      newestLost: 0,
      stepLost: 0,
      wrongState: 0,
      outOfOrder: 0,
      twice: 0,
    };
    expect(countViolations(findViolations(log))).toEqual({
      ...none,
      newestLost: 2,
      stepLost: 1,
      wrongState: 1,
    });
    expect(countViolations([])).toEqual(none);
  });
});
