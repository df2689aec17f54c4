import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { TELEMETRY_SCHEMAS_KEY } from '../keys.js';
import {
  deleteTelemetrySchema,
  readAllTelemetrySchemas,
  readTelemetrySchema,
  readTelemetrySchemasRevision,
  writeTelemetrySchema,
} from './telemetry-schemas.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

it('a telemetry schema is stored until it is replaced or deleted', async () => {
  const fleet = store.newFleet();
  expect(await readTelemetrySchema(store.redis, fleet)).toBeUndefined();
  for (const type of ['number', 'boolean'] as const) {
    const schema = { measurements: { light: { type } } };
    await writeTelemetrySchema(store.redis, fleet, schema);
    expect(await readTelemetrySchema(store.redis, fleet)).toEqual(schema);
  }
  expect(await deleteTelemetrySchema(store.redis, fleet)).toBe(true);
  expect(await deleteTelemetrySchema(store.redis, fleet)).toBe(false);
  expect(await readTelemetrySchema(store.redis, fleet)).toBeUndefined();
});

it.each(['what?', '{}', '{"measurements":{"light":{"type":"lux"}}}'])('%s is not a schema', async (text) => {
  const fleet = store.newFleet();
  await store.redis.hset(TELEMETRY_SCHEMAS_KEY, fleet, text);
  expect(await readTelemetrySchema(store.redis, fleet)).toBeUndefined();
});

it('every write changes the revision', async () => {
  const [fleet, broken] = [store.newFleet(), store.newFleet()];
  const schema = { measurements: { light: { type: 'number' } } } as const;
  const revisions = [await readTelemetrySchemasRevision(store.redis)];
  await store.redis.hset(TELEMETRY_SCHEMAS_KEY, broken, 'what?');
  await writeTelemetrySchema(store.redis, fleet, schema);
  revisions.push(await readTelemetrySchemasRevision(store.redis));
  const all = await readAllTelemetrySchemas(store.redis);
  expect([all.get(fleet), all.has(broken), all.has('*')]).toEqual([schema, false, false]);
  await deleteTelemetrySchema(store.redis, fleet);
  revisions.push(await readTelemetrySchemasRevision(store.redis));
  expect((await readAllTelemetrySchemas(store.redis)).has(fleet)).toBe(false);
  expect(new Set(revisions).size).toBe(3);
});
