import { connect, createServer, type Socket } from 'node:net';
import { closeLater } from '../resources.js';
import { until } from '../until.js';
import { freePort } from './free-port.js';
import { type Link, openLink } from './link.js';

/** An echo server, and a link to it. */
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
  return { link, accepted, client: () => connectClient(link) };
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

describe('Link', () => {
  it('forwards all bytes in both directions, and the end of the stream', async () => {
    const { link, client } = await openEchoLink();
    const first = client();
    first.socket.end('x'.repeat(500_000));
    await until(() => first.text.length === 500_000 && first.closed, { what: 'all bytes and the end' });
    await until(() => link.connections === 0, { what: 'the link to close the connection' });
  });

  it('holds bytes without closing connections while stalled, and delivers them after heal', async () => {
    const { link, client } = await openEchoLink();
    const first = client();
    first.send('a');
    await until(() => first.text === 'a', { what: 'an echo' });
    link.stall();
    first.send('b');
    const late = client();
    late.send('c');
    await until(() => link.connections === 2, { what: 'the second connection' });
    expect([first.text, late.text, first.closed, late.closed]).toEqual(['a', '', false, false]);
    link.heal();
    await until(() => first.text === 'ab' && late.text === 'c', { what: 'the held bytes' });
  });

  it('can be stalled in one direction', async () => {
    const { link, accepted, client } = await openEchoLink();
    const first = client();
    link.stall('down');
    first.send('a');
    await until(() => accepted[0]?.bytesRead === 1, { what: 'the server to receive it' });
    expect(first.text).toBe('');
  });

  it('hides the reset of one end while stalled, and forwards it after heal', async () => {
    const { link, accepted, client } = await openEchoLink();
    const first = client();
    await until(() => accepted.length === 1, { what: 'the connection' });
    link.stall();
    accepted[0]?.resetAndDestroy();
    const second = client();
    await until(() => accepted.length === 2, { what: 'the second connection' });
    expect([first.closed, second.closed]).toEqual([false, false]);
    link.heal();
    await until(() => first.closed, { what: 'the reset' });
    expect(second.closed).toBe(false);
  });

  it('delays bytes beyond its limit', async () => {
    const { link, client } = await openEchoLink();
    link.limit(10_000);
    const first = client();
    const started = performance.now();
    first.send('x'.repeat(2000));
    await until(() => first.text.length === 2000, { what: 'all bytes' });
    expect(performance.now() - started).toBeGreaterThan(150);
  });

  it('applies and removes a limit on open connections', async () => {
    const { link, client } = await openEchoLink();
    const first = client();
    first.send('x'.repeat(200_000));
    await until(() => first.text.length === 200_000, { what: 'all bytes' });
    link.limit(10_000);
    first.send('y'.repeat(1000));
    await until(() => first.text.length === 201_000, { what: 'the slow part' });
    first.send('y'.repeat(200_000));
    link.limit(undefined);
    await until(() => first.text.length === 401_000, { what: 'the fast part' });
  });

  it('silently stops forgotten connections, and accepts new ones', async () => {
    const { link, accepted, client } = await openEchoLink();
    const first = client();
    await until(() => accepted.length === 1, { what: 'the connection' });
    link.forget();
    link.heal();
    first.send('a');
    const next = client();
    next.send('b');
    await until(() => next.text === 'b', { what: 'an echo' });
    expect([first.text, first.closed]).toEqual(['', false]);
  });

  it('resets open connections on cut, and accepts new ones', async () => {
    const { link, accepted, client } = await openEchoLink();
    const first = client();
    await until(() => accepted.length === 1, { what: 'the connection' });
    link.cut();
    await until(() => first.closed, { what: 'the reset' });
    const next = client();
    next.send('a');
    await until(() => next.text === 'a', { what: 'an echo' });
  });
});
