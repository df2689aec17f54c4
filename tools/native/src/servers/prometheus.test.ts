import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server as Started } from '../process/serving.js';
import { REPOSITORY } from '../state/repository.js';
import { startPrometheus } from './prometheus.js';

const folder = mkdtempSync(join(tmpdir(), 'lamplighter-prometheus-'));
let prometheus: Started;
const targets: Target[] = [];

/** A scraped service. */
interface Target {
  readonly server: Server;
  readonly port: number;
  /** Resolves with the Authorization header of the first scrape. */
  readonly scraped: Promise<string | undefined>;
}

async function startTarget(): Promise<Target> {
  let onScrape: (authorization: string | undefined) => void;
  const scraped = new Promise<string | undefined>((resolve) => {
    onScrape = resolve;
  });
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end('lamplighter_up 1\n');
    onScrape(request.headers.authorization);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const target = { server, port: (server.address() as AddressInfo).port, scraped };
  targets.push(target);
  return target;
}

/** A response under /api/v1. */
interface ApiResponse {
  data: {
    activeTargets: { labels: object }[];
    groups: { rules: { name: string }[] }[];
  };
}

const query = async (path: string) =>
  (await fetch(`${prometheus.url}/api/v1/${path}`)).json() as Promise<ApiResponse>;

beforeAll(async () => {
  const { port } = await startTarget();
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'k7Qp2ZxW9rTb4LsVd\n');
  prometheus = await startPrometheus({
    folder,
    tokenFile,
    port: 15_000 + (process.pid % 10_000),
    jobs: { rules: port },
  });
}, 60_000);

afterAll(async () => {
  await prometheus.stop();
  for (const { server } of targets) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  rmSync(folder, { recursive: true, force: true });
});

it('scrapes the configured jobs', async () => {
  await targets[0]?.scraped;
  expect(JSON.stringify(await query('targets'))).toContain('"job":"rules"');
}, 60_000);

it('scrapes a replica whose file is added to the targets', async () => {
  const { port, scraped } = await startTarget();
  const file = join(folder, 'targets/rules-2.json');
  writeFileSync(file, JSON.stringify([{ targets: [`127.0.0.1:${port}`] }]));
  await scraped;
  const { data } = await query('targets?state=active');
  expect(data.activeTargets.map(({ labels }) => labels)).toContainEqual({
    instance: `127.0.0.1:${port}`,
    job: 'rules',
  });
}, 60_000);

it("loads the repository's rules and alerts", async () => {
  const files = join(REPOSITORY, 'prometheus/rules');
  const text = readdirSync(files).map((name) => readFileSync(join(files, name), 'utf8'));
  const names = [...text.join('').matchAll(/^ +- (?:alert|record): (.+)$/gm)].map(([, name]) => name);
  const { data } = await query('rules');
  const loaded = data.groups.flatMap(({ rules }) => rules.map(({ name }) => name));
  expect(loaded.sort()).toEqual(names.sort());
  expect(names.length).toBeGreaterThan(20);
}, 60_000);

it('sends the token for metrics', async () => {
  expect(await targets[0]!.scraped).toBe('Bearer k7Qp2ZxW9rTb4LsVd');
});
