import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';

it('rules is live without the broker and Redis, and readiness lists what is missing', async () => {
  const unused = `127.0.0.1:${await freePort()}`;
  const env = {
    MQTT_URL: `mqtt://rules:k7Qp2ZxW9rTb4LsVd@${unused}`,
    REDIS_URL: `redis://rules:k7Qp2ZxW9rTb4LsVd@${unused}`,
  };
  const rules = await startService('rules', env, { wait: 'started' });
  const isLive = () =>
    fetch(`${rules.url}/health/live`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(isLive, { what: 'the service to be live', timeoutMs: 20_000 });
  const reasons = async () => {
    const response = await fetch(`${rules.url}/health/ready`);
    expect(response.status).toBe(503);
    return ((await response.json()) as { reasons: string[] }).reasons;
  };
  await until(async () => (await reasons()).some((reason) => reason.includes('ECONNREFUSED')), {
    what: 'readiness to list the refused connection',
  });
  expect(await reasons()).toEqual([
    'the commands link to the broker is down',
    'the telemetry link to the broker is down',
    `Redis is unavailable: connect ECONNREFUSED ${unused}`,
  ]);
  expect((await rules.stop()).code).toBe(0);
  expect(rules.output()).not.toContain('secret');
}, 40_000);

it.each(['rules', 'device-sim'] as const)(
  '%s names the port and its variable if the port is in use',
  async (name) => {
    const unused = `127.0.0.1:${await freePort()}`;
    const env = {
      MQTT_URL: `mqtt://rules:k7Qp2ZxW9rTb4LsVd@${unused}`,
      REDIS_URL: `redis://rules:k7Qp2ZxW9rTb4LsVd@${unused}`,
    };
    const first = await startService(name, env, { wait: 'started' });
    await until(
      () =>
        fetch(`${first.url}/health/live`).then(
          () => true,
          () => false,
        ),
      { what: 'the first process to be live', timeoutMs: 20_000 },
    );
    const variable = name === 'rules' ? 'RULES_PORT' : 'SIM_PORT';
    const second = await startService(name, { ...env, [variable]: String(first.port) }, { wait: 'started' });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.output()).toContain(
      `${name}: port ${first.port} on 127.0.0.1 is in use; stop the other process or set ${variable} to another port\n`,
    );
    expect(second.output()).not.toMatch(/\n\s+at /);
  },
  40_000,
);
