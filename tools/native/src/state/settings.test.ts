import { join } from 'node:path';
import { REPOSITORY } from './repository.js';
import { readSettings } from './settings.js';

it('has defaults for all settings', () => {
  const { ports, folder } = readSettings({});
  expect(ports).toEqual({
    MQTT_PORT: 1883,
    MQTT_TLS_PORT: 8883,
    MQTT_SERVICES_PORT: 1884,
    REDIS_PORT: 16379,
    API_PORT: 8080,
    PROMETHEUS_PORT: 9090,
    RULES_PORT: 8081,
    SIM_PORT: 8082,
  });
  expect(folder).toBe(join(REPOSITORY, '.lamplighter'));
});

it("resolves the state folder relative to the user's working directory", () => {
  expect(readSettings({ LAMPLIGHTER_STATE: 'two', INIT_CWD: '/home/ada' }).folder).toBe('/home/ada/two');
  expect(readSettings({ LAMPLIGHTER_STATE: '/srv/lamps', INIT_CWD: '/home/ada' }).folder).toBe('/srv/lamps');
});

it('reports all problems at once', () => {
  expect(() => readSettings({ MQTT_PORT: 'x', API_PORT: '70000', SIM_PORT: '8081' })).toThrow(
    `MQTT_PORT must be a port from 1 to 65535, not "x"
  API_PORT must be a port from 1 to 65535, not "70000"
  SIM_PORT and RULES_PORT are both 8081`,
  );
});
