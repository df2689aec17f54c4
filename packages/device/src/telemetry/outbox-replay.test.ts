import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { MemoryStorage } from '../storage/storage.js';
import { Outbox } from './outbox.js';
import { OutboxReplay, type ReplayOptions } from './outbox-replay.js';

/** A replay on an open connection. `sent` has the readings of each message; `puback` delivers its PUBACK. */
function openReplay(options: ReplayOptions) {
  const outbox = new Outbox(new MemoryStorage());
  const sent: { seqs: readonly number[]; puback: () => void }[] = [];
  const replay = new OutboxReplay(
    outbox,
    (seqs, _payload, puback) => {
      outbox.markSent(seqs.at(-1) ?? 0);
      sent.push({ seqs: [...seqs], puback });
    },
    options,
  );
  closeLater('replay', () => replay.pause());
  replay.resume();
  const take = (seq: number) => {
    outbox.keep(seq, { leaving: [], text: `{"_seq":${seq}}` }, []);
    replay.advance();
  };
  const receive = (...seqs: number[]) => {
    outbox.release(seqs);
    replay.receive(seqs);
  };
  const sends = (seq: number) => sent.filter(({ seqs }) => seqs.includes(seq)).length;
  return { sent, take, receive, sends };
}

const SOON = { firstMs: 50, maxMs: 600_000 };

describe('OutboxReplay', () => {
  it('repeats lost messages before newer ones once a later message gets its receipt', async () => {
    const { sent, take, receive, sends } = openReplay({ window: 3, wait: SOON });
    for (let seq = 1; seq <= 6; seq += 1) take(seq);
    await until(() => [1, 2, 3].every((seq) => sends(seq) > 4), { what: 'repeats', timeoutMs: 20_000 });
    const before = sent.length;
    const last = sent.at(-1)?.seqs[0] ?? 0;
    receive(last);
    const lost = [1, 2, 3].filter((seq) => seq !== last);
    expect(sent.slice(before).map(({ seqs }) => seqs)).toEqual([...lost.map((seq) => [seq]), [4, 5, 6]]);
  });

  it('does not repeat messages sent after the confirmed one, nor those sent once', async () => {
    const { sent, take, receive, sends } = openReplay({ window: 3, wait: SOON });
    take(1);
    await until(() => sends(1) > 4, { what: 'repeats', timeoutMs: 20_000 });
    take(2);
    take(3);
    const before = sent.length;
    receive(1);
    receive(3);
    expect(sent).toHaveLength(before);
  });

  it('shortens the wait to the initial one on a PUBACK after a long silence', async () => {
    const { sent, take, sends } = openReplay({ window: 4, wait: SOON });
    take(1);
    take(2);
    await until(() => sends(1) > 6 && sends(2) > 6, { what: 'waits of 1.6 s or more', timeoutMs: 20_000 });
    const before = [sends(1), sends(2)] as const;
    sent[0]?.puback();
    await until(() => sends(1) > before[0] && sends(2) > before[1], { what: 'both again', timeoutMs: 1000 });
    expect(sent.slice(-2).map(({ seqs }) => seqs)).toEqual([[1], [2]]);
  });
});
