import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { HttpConnection } from './http-connection.js';

let server: Server;
afterEach(() => server.close());

/** Answers each request with these chunks; `undefined` closes the connection. */
async function serve(...chunks: (string | undefined)[]): Promise<HttpConnection> {
  server = createServer((socket) => {
    const reply = async () => {
      for (const chunk of chunks) {
        if (chunk === undefined) socket.destroy();
        else socket.write(chunk);
        await setTimeout(5);
      }
    };
    socket.on('data', () => void reply());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return HttpConnection.open((server.address() as AddressInfo).port);
}

describe('HttpConnection', () => {
  it('reads replies that arrive in several chunks, one after another', async () => {
    const connection = await serve('HTTP/1.1 202 Accepted\r\nContent-', 'Length: 4\r\n\r\nab', 'cd');
    expect(await connection.send('a')).toEqual({ status: 202, body: 'abcd' });
    expect(await connection.send('b')).toEqual({ status: 202, body: 'abcd' });
    connection.close();
  });

  it('rejects a request whose connection ends', async () => {
    const connection = await serve('HTTP/1.1 200 OK\r\n', undefined);
    await expect(connection.send('a')).rejects.toThrow('the connection was closed');
  });
});
