import { type StoreUnderTest, startStore } from '../test/store-under-test.js';
import { TELEMETRY_SCHEMAS_KEY } from './keys.js';
import { deleteTelemetrySchema, readTelemetrySchema, writeTelemetrySchema } from './telemetry-schemas.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

it('what a fleet has declared is kept until it is replaced or deleted', async () => {
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

it.each(['what?', '{}', '{"measurements":{"light":{"type":"lux"}}}'])(
  '%s is no declaration',
  async (text) => {
    const fleet = store.newFleet();
    await store.redis.hset(TELEMETRY_SCHEMAS_KEY, fleet, text);
    expect(await readTelemetrySchema(store.redis, fleet)).toBeUndefined();
  },
);
