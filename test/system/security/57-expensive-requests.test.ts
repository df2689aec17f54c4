import { type StandaloneApi, startStandaloneApi } from '../standalone-api.js';

/** CPU time that one request may take, milliseconds. */
const MAX_CPU_MS = 250;
const LARGE = 2_000_000;
const SMALL = 64_000;

/** A JSON list of this many bytes. */
const listOf = (item: string, bytes: number) =>
  `[${Array.from({ length: Math.floor(bytes / (item.length + 1)) }, () => item).join(',')}]`;
/** A JSON object of this many bytes, with a different key for each value. */
const objectOf = (value: string, bytes: number) => {
  const width = 10 + value.length;
  const entries = Array.from(
    { length: Math.floor(bytes / width) },
    (_, i) => `"k${i.toString(36).padStart(5, '0')}":${value}`,
  );
  return `{${entries.join(',')}}`;
};
const SHAPES: readonly [what: string, ofSize: (bytes: number) => string][] = [
  ['empty lists', (bytes) => listOf('[]', bytes)],
  ['empty objects', (bytes) => listOf('{}', bytes)],
  ['numbers', (bytes) => listOf('1', bytes)],
  ['texts', (bytes) => listOf('""', bytes)],
  ['unknown keys', (bytes) => objectOf('1', bytes)],
  ['nested lists', (bytes) => `${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2)}`],
  ['one text', (bytes) => JSON.stringify('a'.repeat(bytes))],
];

/** Fields that a field needs to be looked at. */
const REST: Readonly<Record<string, string>> = {
  candidate: '"version":0,',
  recording: '"version":0,"candidate":null,',
  when: '"then":{"a":1},',
};

let api: StandaloneApi;
beforeAll(async () => {
  api = await startStandaloneApi();
}, 60_000);

async function cpuSeconds(): Promise<number> {
  const metrics = await (await fetch(`${api.api.url}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)$/m.exec(metrics)![1]);
}

/** The CPU time that the API uses for a request, and its status. */
async function costOf(method: string, path: string, body: string) {
  const before = await cpuSeconds();
  const response = await fetch(`${api.api.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json' },
    body,
  });
  await response.text();
  const cpuMs = ((await cpuSeconds()) - before) * 1000;
  return { status: response.status, cpuMs };
}

interface Operation {
  readonly requestBody?: {
    readonly content: Record<string, { schema: { $ref?: string; properties?: object } }>;
  };
}
interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, { properties?: object }> };
}

/** Every request that has a body, with the fields of the body. */
async function requestsWithBody() {
  const { paths, components } = (await (await fetch(`${api.api.url}/openapi.json`)).json()) as OpenApi;
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { requestBody }]) => {
      const schema = requestBody?.content['application/json']?.schema;
      if (schema === undefined) return [];
      const named = components.schemas[schema.$ref?.split('/').at(-1) ?? ''] ?? schema;
      const filled = path.replaceAll(/\{\w+\}/g, 'demo');
      return [{ method: method.toUpperCase(), path: filled, fields: Object.keys(named.properties ?? {}) }];
    }),
  );
}

it('rejects every large body after little work', async () => {
  const requests = await requestsWithBody();
  expect(requests.length).toBeGreaterThan(8);
  const costly: string[] = [];
  for (const { method, path, fields } of requests) {
    const bytes = path.endsWith('/diff') ? LARGE : SMALL;
    for (const [what, ofSize] of SHAPES) {
      const value = ofSize(bytes - 200);
      const bodies = [value, ...fields.map((field) => `{${REST[field] ?? ''}"${field}":${value}}`)];
      for (const [i, body] of bodies.entries()) {
        const { status, cpuMs } = await costOf(method, path, body);
        const place = `${method} ${path} ${i === 0 ? 'body' : fields[i - 1]} of ${what}: ${status}, ${cpuMs.toFixed(0)} ms`;
        if (cpuMs > MAX_CPU_MS || status < 400 || status >= 500) costly.push(place);
        if (process.env.SHOW && cpuMs > 60) console.log(place);
      }
    }
  }
  expect(costly).toEqual([]);
}, 120_000);
