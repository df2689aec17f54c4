import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CANARY_FLEET, IDENTITY } from '@lamplighter/contracts/identity';
import { FLEET_NAME, RESERVED } from '@lamplighter/native/servers/fleet-names';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { readSettings } from '@lamplighter/native/state/settings';
import { openState } from '@lamplighter/native/state/state';
import { connectDevice } from '@lamplighter/test-kit/device';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { freePorts, launch, untilUp } from '../launch.js';
import { startStack } from '../stack.js';

type Env = Record<string, string>;

async function newInstance(): Promise<Env> {
  return { LAMPLIGHTER_STATE: mkdtempSync(join(temporaryFolder(), 'state-')), ...(await freePorts()) };
}

const start = async (env: Env) => {
  const launcher = launch(REPOSITORY, [process.execPath, 'scripts/start.mjs', '--devices', '1'], env);
  await untilUp(launcher);
  return launcher;
};

/** Runs `npm run fleet -- …` and returns its output. */
async function fleet(env: Env, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/fleet.mjs', ...args], {
    cwd: REPOSITORY,
    env: { ...process.env, ...env },
  });
  return stdout;
}

/** The URL of the broker in an output. */
function urlIn(output: string): string {
  const value = (name: string) => new RegExp(`^${name} +(\\S+)$`, 'm').exec(output)?.[1];
  return `mqtt://${value('user')}:${value('password')}@${value('host')}:${value('port')}`;
}

describe('npm run fleet', () => {
  it('adds and removes accounts of fleets and readers, even while the broker is stopped', async () => {
    const env = await newInstance();
    await expect(fleet(env, 'add', 'plant')).rejects.toThrow(/no instance in .* start one first/);
    const run = await start(env);
    expect(await fleet(env, 'list')).toBe('demo\n');
    const url = urlIn(await fleet(env, 'add', 'plant'));
    const pump = await connectDevice({ name: 'plant', url }, 'pump');
    const reader = await connectMqtt(urlIn(await fleet(env, 'add-reader', 'plant')));
    await reader.subscribe('plant/telemetry/#');
    await pump.sendReading({ light: 100 });
    expect(await pump.nextCommand()).toEqual({ led_on: true });
    expect((await reader.next()).topic).toBe('plant/telemetry/pump');
    expect(pump.connected()).toBe(true);
    expect(await fleet(env, 'list')).toBe('demo\nplant\nplant.reader\n');
    // Adding it again prints the same account.
    expect(urlIn(await fleet(env, 'add', 'plant'))).toBe(url);

    await fleet(env, 'remove', 'plant');
    await until(() => !pump.connected() && !reader.connected(), {
      what: 'both clients to be disconnected',
    });
    await expect(connectMqtt(url)).rejects.toThrow(/authori[sz]ed/i);
    expect(await fleet(env, 'list')).toBe('demo\n');
    run.process.kill('SIGINT');
    await run.ended();
    const later = urlIn(await fleet(env, 'add', 'greenhouse'));
    const again = await start(env);
    await connectMqtt(later);
    // A broker that is killed restarts with the current accounts.
    const newest = urlIn(await fleet(env, 'add', 'orchard'));
    process.kill(Number(readFileSync(join(env.LAMPLIGHTER_STATE!, 'mosquitto/pid'), 'utf8')), 'SIGKILL');
    await until(() => again.output().includes('✓ mosquitto is running again'), {
      what: 'the broker to run again',
    });
    await connectMqtt(newest);
  }, 120_000);

  it.each([
    [['add', 'rules'], /"rules" is reserved/],
    [['add', 'health'], /"health" is reserved/],
    [['add', CANARY_FLEET], /is reserved/],
    [['add', 'plant.reader'], /is reserved/],
    [['add', 'a/b'], /invalid fleet name/],
    [['add', '../rules'], /invalid fleet name/],
    [['add', '-x'], /invalid fleet name/],
    [['remove', 'demo'], /the simulator uses its account/],
    [['remove', 'nowhere'], /unknown fleet "nowhere"/],
    [['add-reader', 'nowhere'], /unknown fleet "nowhere"; add it first/],
    [['add'], /usage:/],
    [['add', 'a', 'b'], /usage:/],
    [['frobnicate'], /usage:/],
  ])('rejects %j', async (args, reason) => {
    await expect(fleet(await stoppedInstance(), ...args)).rejects.toThrow(reason);
  });

  it('accepts the same names as the services', () => {
    expect(FLEET_NAME.source).toBe(IDENTITY.source);
    expect(RESERVED).toContain(CANARY_FLEET);
  });
});

/** The state folder of an instance that was started before. */
async function stoppedInstance(): Promise<Env> {
  const env = await newInstance();
  const { folder, ports } = readSettings(env);
  openState(folder, ports);
  return env;
}

it('readers receive all telemetry of their fleet without affecting each other or the rules', async () => {
  const stack = await startStack();
  const [plant, other] = [await stack.broker.newFleet(), await stack.broker.newFleet()];
  const url = await stack.broker.newReader(plant.name);
  const readers = [await connectMqtt(url), await connectMqtt(url), await connectMqtt(url)];
  // Each reader uses another kind of subscription.
  await readers[0]!.subscribe(`${plant.name}/telemetry/#`);
  await readers[1]!.subscribe('#');
  await readers[2]!.subscribe('$share/rules/+/telemetry/#');
  const [pump, foreign] = [await connectDevice(plant, 'pump'), await connectDevice(other, 'foreign')];
  for (let light = 400; light < 450; light += 1) {
    await pump.sendReading({ light });
    await foreign.sendReading({ light });
  }
  for (const reader of readers.slice(0, 2)) {
    await until(() => reader.received.length >= 50, { what: 'all readings to be received' });
    const lights = reader.received.map(({ payload }) => JSON.parse(payload.toString()).light);
    expect(lights).toEqual(Array.from({ length: 50 }, (_, i) => 400 + i));
    expect(new Set(reader.received.map(({ topic }) => topic))).toEqual(
      new Set([`${plant.name}/telemetry/pump`]),
    );
  }
  for (const fleet of [plant, other]) {
    const device = fleet === plant ? 'pump' : 'foreign';
    const stored = async () =>
      (await stack.get(`/v1/fleets/${fleet.name}/devices/${device}/telemetry?limit=500`)).body.readings
        ?.length;
    await until(async () => (await stored()) === 50, { what: 'all readings to be stored' });
  }
}, 60_000);
