import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrometheus } from './prometheus.js';

const folder = mkdtempSync(join(tmpdir(), 'lamplighter-prometheus-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('scrapes the jobs it is given', async () => {
  let scraped: () => void;
  const scrape = new Promise<void>((resolve) => {
    scraped = resolve;
  });
  const target = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end('lamplighter_up 1\n');
    scraped();
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const port = 15_000 + (process.pid % 10_000);
  const prometheus = await startPrometheus({
    folder,
    port,
    jobs: { rules: (target.address() as AddressInfo).port },
  });
  try {
    await scrape;
    const answer = await fetch(`${prometheus.url}/api/v1/targets`);
    expect(JSON.stringify(await answer.json())).toContain('"job":"rules"');
  } finally {
    await prometheus.stop();
    target.closeAllConnections();
    await new Promise((resolve) => target.close(resolve));
  }
}, 60_000);
