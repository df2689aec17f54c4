import { type Config, configSchema, replicaName } from './config.js';

it('names a replica by host and port, with the characters of a device name', () => {
  const name = replicaName({ RULES_PORT: 8081 } as Config);
  expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/);
  expect(name).toMatch(/-8081$/);
});

it('rejects an edge delay that is out of range', () => {
  expect(configSchema.shape.EDGE_JUDGE_SECONDS.safeParse('3601').success).toBe(false);
  expect(configSchema.shape.EDGE_JUDGE_SECONDS.parse('0.5')).toBe(0.5);
});
