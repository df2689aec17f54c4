import { join } from 'node:path';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { type Launcher, launch } from '../launch.js';
import { type Stack, startStack } from '../stack.js';

const LIGHTS = [412, 299, 300, 0];
const LED = ['LED off', 'LED on', 'LED off', 'LED on'];

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ lesson: true });
}, 60_000);

/** Starts a program of examples/lesson without an account. */
function run(program: 'device' | 'server', id: string, ...args: string[]): Launcher {
  const file = join(REPOSITORY, `examples/lesson/${program}.py`);
  const port = String(stack.broker.port);
  return launch(REPOSITORY, ['/usr/bin/python3', '-u', file, '--port', port, '--id', id, ...args], {});
}

async function startServer(id: string): Promise<Launcher> {
  const server = run('server', id);
  await until(() => server.output().includes('waiting for telemetry'), { what: 'the server to subscribe' });
  return server;
}

/** Runs the device program, and returns how its lamp switched. */
async function runDevice(id: string): Promise<string[]> {
  const device = run('device', id, '--light', LIGHTS.join(','), '--interval', '0.5');
  expect(await device.ended()).toBe(0);
  return device.output().match(/LED \w+/g) ?? [];
}

const switchRules = async (id: string, enabled: boolean) =>
  expect(
    (await stack.send('PUT', `/v1/fleets/${id}/settings/rules?allowUnknown=true`, { enabled })).status,
  ).toBe(200);

describe('the two lesson programs', () => {
  it('decide on their own while the rules of their fleet are off', async () => {
    const id = 'class-a';
    await switchRules(id, false);
    const listener = await connectMqtt(stack.broker.url);
    await listener.subscribe(`${id}/commands`);
    const server = await startServer(id);
    expect(await runDevice(id)).toEqual(LED);
    expect(server.output()).toContain(`${id}/telemetry 299 -> {'led_on': True}`);
    // Lamplighter stores the readings, and each one gets exactly one command.
    const last = async () =>
      (await stack.get(`/v1/fleets/${id}/devices/${id}`)).body.last?.measurements.light === LIGHTS.at(-1);
    await until(last, { what: 'the last reading to be stored' });
    expect(listener.received).toHaveLength(LIGHTS.length);
  });

  it('serve several devices, and ignore invalid messages', async () => {
    const id = 'class-b';
    await switchRules(id, false);
    const server = await startServer(id);
    const student = await connectMqtt(stack.broker.url);
    await student.subscribe(`${id}/commands/#`);
    for (const invalid of ['{"lux": 5}', 'dark', '[]', '{"light": "bright"}', '7'])
      await student.publish(`${id}/telemetry`, invalid);
    await student.publish(`${id}/telemetry/desk`, '{"light": 299}');
    const { topic, payload } = await student.next();
    expect([topic, payload.toString()]).toEqual([`${id}/commands/desk`, '{"led_on": true}']);
    await until(() => server.output().match(/ignored:/g)?.length === 5, {
      what: 'the server to ignore five messages',
    });

    const device = run('device', id, '--light', '1,1,1,1,1,1,1,1', '--interval', '0.5');
    await until(() => device.output().includes('light 1'), { what: 'the device to run' });
    for (const invalid of ['{"led": true}', 'on', '[]', '7'])
      await student.publish(`${id}/commands`, invalid);
    await until(() => device.output().match(/ignored:/g)?.length === 4, {
      what: 'the device to ignore four messages',
    });
    expect(await device.ended()).toBe(0);
    expect(device.output()).toContain('LED on');
  });

  it('resume after an outage of the broker', async () => {
    const id = 'class-c';
    await switchRules(id, false);
    await startServer(id);
    const device = run('device', id, '--interval', '0.2');
    await until(() => device.output().includes('LED '), { what: 'the first command' });
    await stack.broker.kill();
    await stack.broker.start();
    const before = device.output().length;
    await until(() => /LED \w+/.test(device.output().slice(before)), {
      what: 'a command after the outage',
      timeoutMs: 25_000,
    });
  });

  it('include a device that works with the rules of Lamplighter instead of the server program', async () => {
    expect(await runDevice('class-d')).toEqual(LED);
  });
});
