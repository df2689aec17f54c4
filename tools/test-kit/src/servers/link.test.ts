import { connect, createServer, type Socket } from 'node:net';
import { closeLater } from '../resources.js';
import { until } from '../until.js';
import { freePort } from './free-port.js';
import { type Link, openLink } from './link.js';

/** A server that repeats what it is told; a client on a link to it; and what both have seen. */
async function openEchoLink() {
  const port = await freePort();
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closeLater('echo', () => {
    for (const socket of accepted) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const link = await openLink(port);
  return { link, heard: accepted, client: () => connectClient(link) };
}

function connectClient(link: Link) {
  const socket = connect(link.port, '127.0.0.1');
  const state = { text: '', closed: false };
  socket.on('data', (chunk) => {
    state.text += chunk;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    state.closed = true;
  });
  closeLater('client', () => socket.destroy());
  return Object.assign(state, { socket, send: (text: string) => socket.write(text) });
}

describe('a link', () => {
  it('carries everything, both ways, and the end of it', async () => {
    const { link, client } = await openEchoLink();
    const talk = client();
    talk.socket.end('x'.repeat(500_000));
    await until(() => talk.text.length === 500_000 && talk.closed, { what: 'all of it, and the end' });
    await until(() => link.connections === 0, { what: 'the link to forget it' });
  });

  it('that is stalled lets nothing through and closes nothing; healed, what waited goes on', async () => {
    const { link, client } = await openEchoLink();
    const talk = client();
    talk.send('a');
    await until(() => talk.text === 'a', { what: 'an echo' });
    link.stall();
    talk.send('b');
    const late = client();
    late.send('c');
    await until(() => link.connections === 2, { what: 'the second connection' });
    expect([talk.text, late.text, talk.closed, late.closed]).toEqual(['a', '', false, false]);
    link.heal();
    await until(() => talk.text === 'ab' && late.text === 'c', { what: 'what waited' });
  });

  it('may be stalled one way: the server hears, and its answers are lost on the way', async () => {
    const { link, heard, client } = await openEchoLink();
    const talk = client();
    link.stall('down');
    talk.send('a');
    await until(() => heard[0]?.bytesRead === 1, { what: 'the server to hear it' });
    expect(talk.text).toBe('');
  });

  it('hides the death of an end while it is stalled, and tells it when it heals', async () => {
    const { link, heard, client } = await openEchoLink();
    const talk = client();
    await until(() => heard.length === 1, { what: 'the connection' });
    link.stall();
    heard[0]?.resetAndDestroy();
    const witness = client();
    await until(() => heard.length === 2, { what: 'time to pass' });
    expect([talk.closed, witness.closed]).toEqual([false, false]);
    link.heal();
    await until(() => talk.closed, { what: 'the reset' });
    expect(witness.closed).toBe(false);
  });

  it('that is slow carries everything, later', async () => {
    const { link, client } = await openEchoLink();
    link.limit(10_000);
    const talk = client();
    const started = performance.now();
    talk.send('x'.repeat(2000));
    await until(() => talk.text.length === 2000, { what: 'all of it' });
    expect(performance.now() - started).toBeGreaterThan(150);
  });

  it('becomes slow in the middle of a conversation, and fast again', async () => {
    const { link, client } = await openEchoLink();
    const talk = client();
    talk.send('x'.repeat(200_000));
    await until(() => talk.text.length === 200_000, { what: 'all of it' });
    link.limit(10_000);
    talk.send('y'.repeat(1000));
    await until(() => talk.text.length === 201_000, { what: 'the slow part' });
    talk.send('y'.repeat(200_000));
    link.limit(undefined);
    await until(() => talk.text.length === 401_000, { what: 'the fast part' });
  });

  it('that forgets a connection never tells anybody, and carries new ones', async () => {
    const { link, heard, client } = await openEchoLink();
    const talk = client();
    await until(() => heard.length === 1, { what: 'the connection' });
    link.forget();
    link.heal();
    talk.send('a');
    const next = client();
    next.send('b');
    await until(() => next.text === 'b', { what: 'an echo' });
    expect([talk.text, talk.closed]).toEqual(['', false]);
  });

  it('that is cut resets what is open, and carries what comes next', async () => {
    const { link, heard, client } = await openEchoLink();
    const talk = client();
    await until(() => heard.length === 1, { what: 'the connection' });
    link.cut();
    await until(() => talk.closed, { what: 'the reset' });
    const next = client();
    next.send('a');
    await until(() => next.text === 'a', { what: 'an echo' });
  });
});
