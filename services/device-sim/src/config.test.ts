import { simulatorConfig } from './config.js';

const MQTT_URL = 'mqtt://greenhouse:k7Qp2ZxW9rTb4LsVd@127.0.0.1:1883';

describe('simulatorConfig', () => {
  it('requires only the broker', () => {
    expect(simulatorConfig({ MQTT_URL })).toEqual({
      logLevel: 'info',
      host: '127.0.0.1',
      port: 8082,
      broker: { host: '127.0.0.1', port: 1883, username: 'greenhouse', password: 'k7Qp2ZxW9rTb4LsVd' },
      fleet: 'greenhouse',
      devices: 50,
      seed: 1,
      dayMs: 120_000,
      faults: { burnt: 0, burntWithinMs: 0 },
      intervalMs: 2000,
      telemetry: 'latest',
      outbox: 1000,
      fallbackAfterMs: 30_000,
      forgetAfterMs: 300_000,
      radioGapMs: 1000,
      qos: 1,
      connectRate: 250,
    });
  });

  it.each([
    ['the user of the URL', { MQTT_URL }, 'greenhouse'],
    ['FLEET before that', { MQTT_URL, FLEET: 'orchard' }, 'orchard'],
    ['demo, if the URL has no user', { MQTT_URL: 'mqtt://127.0.0.1' }, 'demo'],
  ])('names the fleet: %s', (_what, env, fleet) => {
    expect(simulatorConfig(env).fleet).toBe(fleet);
  });

  it('lists all problems at once, without the values of secrets', () => {
    const wrong = {
      MQTT_URL: 'http://demo:secret@host',
      DEVICES: '0',
      QOS: '3',
      TELEMETRY: 'all',
      DAY_SECONDS: 'long',
      BURNT: '1.5',
      FLEET: '/',
    };
    const problems = () => simulatorConfig(wrong);
    for (const name of Object.keys(wrong)) expect(problems).toThrow(new RegExp(`^ {2}${name}: `, 'm'));
    expect(problems).toThrow(expect.not.stringContaining('secret'));
  });
});
