import { connectDevice } from '@lamplighter/test-kit/device';
import { type Stack, startStack } from '../system/stack.js';
import { keepOtherFleetGoing, type OtherFleet } from './other-fleet.js';
import { IS_FULL, printedSeed, type Random } from './seed.js';

/** Requests for each operation. */
const ROUNDS = IS_FULL ? 60 : 8;

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly minimum?: number;
  readonly examples?: readonly unknown[];
  readonly example?: unknown;
}
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: {
    readonly content: Record<string, { readonly schema: Schema; readonly example?: unknown }>;
  };
}
interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
}

let stack: Stack;
let document: OpenApi;
let others: OtherFleet;
let fleet: string;
beforeAll(async () => {
  stack = await startStack();
  document = (await stack.get('/openapi.json')).body as OpenApi;
  const attacked = await stack.broker.newFleet();
  fleet = attacked.name;
  const lamp = await connectDevice(attacked, 'lamp');
  await lamp.sendReading({ light: 412 });
  await stack.lastState(attacked, 'lamp', ({ light }) => light === 412);
  others = await keepOtherFleetGoing(stack);
}, 60_000);

const resolve = (schema: Schema): Schema =>
  schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1)!]!;

const HOSTILE: readonly unknown[] = [
  null,
  true,
  -1,
  1e300,
  2 ** 53,
  0.5,
  '',
  '../../etc/passwd',
  "' OR 1=1 --",
  '{{7*7}}',
  '\u0000',
  '\ud800',
  '*',
  'x'.repeat(5000),
  '(a+)+$',
  [],
  {},
  [[[[[[[[[[1]]]]]]]]]],
  { constructor: { prototype: { isPolluted: true } } },
];

/** A value of a schema that is valid as far as this generator knows. */
function sampleOf(random: Random, given: Schema, depth = 0): unknown {
  const schema = resolve(given);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return random.pick(schema.enum);
  const example = schema.example ?? schema.examples?.[0];
  if (example !== undefined && random.below(2) === 0) return example;
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return sampleOf(random, random.pick(choices), depth + 1);
  if (schema.allOf !== undefined)
    return Object.assign({}, ...schema.allOf.map((part) => sampleOf(random, part, depth + 1) as object));
  const type = typeof schema.type === 'string' ? schema.type : schema.type?.[0];
  if (depth > 6) return null;
  if (type === 'object' || schema.properties !== undefined) {
    const known = Object.entries(schema.properties ?? {}).filter(
      ([name]) => schema.required?.includes(name) || random.below(2) === 0,
    );
    return Object.fromEntries(known.map(([name, part]) => [name, sampleOf(random, part, depth + 1)]));
  }
  if (type === 'array')
    return Array.from({ length: random.below(4) }, () => sampleOf(random, schema.items ?? {}, depth + 1));
  if (type === 'number' || type === 'integer') return (schema.minimum ?? 0) + random.below(100);
  if (type === 'boolean') return random.below(2) === 0;
  return random.pick(['light < 300', '10s', 'lamp', '*', 'night-light', 'a']);
}

/** Replaces one value, at any depth, with a hostile one, or adds an unknown key. */
function spoil(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.below(4) === 0) return random.pick(HOSTILE);
  if (Array.isArray(value)) return [...value, random.pick(HOSTILE)];
  const keys = Object.keys(value);
  const key =
    random.below(4) === 0 || keys.length === 0
      ? random.pick(['unknown', '__proto__', 'constructor'])
      : random.pick(keys);
  const spoilt = { ...value };
  const inner = spoil(random, (value as Record<string, unknown>)[key]);
  Object.defineProperty(spoilt, key, { value: inner, enumerable: true, configurable: true, writable: true });
  return spoilt;
}

const PLACES: Record<string, string> = {
  device: 'lamp',
  rule: 'night-light',
  lane: 'led',
  id: 'unknown',
  version: '1',
};
const pathOf = (path: string) =>
  path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => (name === 'fleet' ? fleet : PLACES[name]!));

/** Expects a response below 500; a refusal must say what is wrong. */
async function expectHandled(place: string, method: string, path: string, body?: string): Promise<number> {
  const { status, body: answer, headers } = await stack.send(method, path, body);
  const seen = `${place} ${path.slice(0, 300)} ${body?.slice(0, 500)}: ${status} ${JSON.stringify(answer)?.slice(0, 300)}`;
  if (status >= 500) throw new Error(seen);
  if (status >= 400 && !/problem\+json/.test(headers.get('content-type') ?? '')) throw new Error(seen);
  return status;
}

it('requests with bodies that break the published schemas are refused, and none ends or slows the api', async () => {
  const random = printedSeed();
  const statuses = new Map<number, number>();
  for (const [path, operations] of Object.entries(document.paths))
    for (const [method, { requestBody }] of Object.entries(operations)) {
      const schema = requestBody?.content['application/json']?.schema;
      if (schema === undefined) continue;
      for (let round = 0; round < ROUNDS; round += 1) {
        const valid = sampleOf(random, schema);
        const body = round === 0 ? valid : spoil(random, valid);
        const place = `${method.toUpperCase()} ${path}`;
        const status = await expectHandled(
          place,
          method.toUpperCase(),
          pathOf(path),
          JSON.stringify(body) ?? 'null',
        );
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }
  const refused = [...statuses]
    .filter(([status]) => status >= 400)
    .reduce((sum, [, count]) => sum + count, 0);
  expect(refused).toBeGreaterThan(10 * ROUNDS);
  await others.expectServed();
}, 240_000);

it('requests with hostile paths and queries are refused', async () => {
  const random = printedSeed();
  const texts = HOSTILE.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  const encode = (value: string) => encodeURIComponent(value.toWellFormed().slice(0, 500));
  for (const [path, operations] of Object.entries(document.paths)) {
    const { get } = operations;
    if (get === undefined || path === '/v1/events' || !path.startsWith('/v1')) continue;
    for (let round = 0; round < ROUNDS; round += 1) {
      const hostile = path.replaceAll(/\{\w+\}/g, (part) =>
        random.below(2) === 0 ? pathOf(part) : encode(random.pick(texts)) || 'x',
      );
      const names = (get.parameters ?? [])
        .filter((parameter) => parameter.in === 'query')
        .map(({ name }) => name);
      const query = [...names, '__proto__', 'unknown', 'limit[]']
        .filter(() => random.below(3) === 0)
        .map((name) => `${encode(name)}=${encode(random.pick(texts))}`);
      await expectHandled(`GET ${path}`, 'GET', `${hostile}?${query.join('&')}`);
    }
  }
  await others.expectServed();
}, 240_000);
