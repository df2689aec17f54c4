import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { Outboxes } from './outboxes.js';

function journal() {
  const file = join(temporaryFolder(), 'devices.jsonl');
  const outboxes = new Outboxes(file);
  const write = (text: string) => {
    appendFileSync(file, text);
    outboxes.follow();
    return outboxes.size;
  };
  const line = (event: object) => `${JSON.stringify({ t: 1, device: 'lamp', ...event })}\n`;
  return { outboxes, write, line };
}
const taken = (seq: number) => ({ event: 'taken', seq, n: seq });

describe('Outboxes', () => {
  it('are empty while the journal does not exist', () => {
    const { outboxes } = journal();
    outboxes.follow();
    expect(outboxes.size).toBe(0);
  });

  it('hold readings until a receipt or a drop, in any order', () => {
    const { write, line } = journal();
    expect(write(line(taken(1)) + line(taken(2)) + line(taken(3)))).toBe(3);
    expect(write(line({ event: 'receipt', stored: [1], refused: [2] }))).toBe(1);
    expect(write(line({ event: 'dropped', seq: 4, reason: 'outbox_full' }) + line(taken(4)))).toBe(1);
    expect(write(line({ event: 'dropped', seq: 3, reason: 'outbox_full' }))).toBe(0);
  });

  it('read a line that is written in pieces', () => {
    const { write, line } = journal();
    const text = line(taken(1));
    expect([write(text.slice(0, 10)), write(text.slice(10))]).toEqual([0, 1]);
  });
});
