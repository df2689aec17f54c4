import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestDevice } from '@lamplighter/test-kit/device';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { commandSchema } from '../../../services/api/src/commands/command.schema.js';
import { deviceDetailSchema } from '../../../services/api/src/devices/device.schema.js';
import { acknowledge, connectAnnounced, idOf } from '../announced-device.js';
import { collectEvents } from '../event-stream.js';
import { addReplica } from '../replicas.js';
import { type Stack, startStack } from '../stack.js';

const RULE = {
  id: 'night-light',
  when: 'light < 100',
  clear: 'light > 300',
  then: { led_on: true },
  else: { led_on: false },
  effect: { expect: 'light > last.light + 50', within: '6s' },
};
const LIMIT_MS = 60_000;

let stack: Stack;
let rulesFile: string;
beforeAll(async () => {
  rulesFile = join(temporaryFolder(), 'rules.json');
  writeFileSync(rulesFile, JSON.stringify({ rules: [RULE] }));
  stack = await startStack({ rulesEnv: { RULES_FILE: rulesFile } });
}, 60_000);

/** A lamp that obeys and acknowledges commands; its readings show whether its bulb works. */
class Lamp {
  private constructor(private readonly device: TestDevice) {}

  static async connect(fleet: TestFleet, name: string): Promise<Lamp> {
    return new Lamp(await connectAnnounced(stack, fleet, name));
  }

  async report(light: number, ledOn: boolean): Promise<void> {
    await this.device.sendReading({ light, led_on: ledOn }, { qos: 1 });
  }

  /** Acknowledges the next command and returns its id. */
  async obey(): Promise<string> {
    const id = idOf(await this.device.nextCommand(LIMIT_MS));
    await acknowledge(this.device, id, 'succeeded');
    await until(async () => (await commandOf(id)).state === 'succeeded', { what: 'the command to succeed' });
    return id;
  }
}

async function commandOf(id: string) {
  const { body } = await stack.get(`/v1/commands/${id}`);
  return commandSchema.parse(body);
}

/** The effect of a command; settles when it is no longer pending. */
const effectOf = (id: string) =>
  until(
    async () => {
      const { effect } = await commandOf(id);
      return effect?.outcome !== 'pending' && effect;
    },
    { what: `the effect of ${id}`, timeoutMs: LIMIT_MS, everyMs: 50 },
  );

async function ineffectiveDevices(fleet: TestFleet): Promise<string[]> {
  const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices?effect=ineffective`);
  return body.devices.map(({ device }: { device: string }) => device);
}

it(
  'a burnt-out lamp that reports success is listed as ineffective; a working lamp is not',
  async () => {
    const fleet = await stack.broker.newFleet();
    const events = await collectEvents(stack, `type=effect&fleet=${fleet.name}`);
    const [good, burnt, silent] = await Promise.all(
      ['good', 'burnt', 'silent'].map((name) => Lamp.connect(fleet, name)),
    );
    const obeyed = await Promise.all(
      [good!, burnt!, silent!].map(async (lamp) => {
        await lamp.report(20, false);
        return lamp.obey();
      }),
    );
    const [shining, dark, unseen] = obeyed as [string, string, string];
    expect(await commandOf(dark)).toMatchObject({ state: 'succeeded', effect: { outcome: 'pending' } });
    await good!.report(140, true);
    await burnt!.report(21, true);

    const expected = { expect: RULE.effect.expect, withinMs: 6000 };
    expect(await effectOf(shining)).toEqual({
      ...{ ...expected, outcome: 'effective', at: expect.any(String) },
      ...{ last: { light: 20, led_on: false }, reading: { light: 140, led_on: true } },
    });
    expect(await effectOf(dark)).toEqual({
      ...{ ...expected, outcome: 'ineffective', at: expect.any(String) },
      ...{ last: { light: 20, led_on: false }, reading: { light: 21, led_on: true } },
    });
    expect(await effectOf(unseen)).toMatchObject({ outcome: 'unmeasured' });
    expect(await ineffectiveDevices(fleet)).toEqual(['burnt']);
    const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/burnt`);
    expect(deviceDetailSchema.parse(body).effects).toEqual([
      { rule: RULE.id, outcome: 'ineffective', at: expect.any(String), command: dark },
    ]);
    await until(() => events.length === 3, { what: 'three events' });
    expect(events.find(({ device }) => device === 'burnt')).toMatchObject({
      ...{ type: 'effect', fleet: fleet.name, command: dark, rule: RULE.id, outcome: 'ineffective' },
    });
    for (const outcome of ['effective', 'ineffective', 'unmeasured'])
      await until(async () => (await stack.metric('lamplighter_command_effects_total', { outcome })) > 0, {
        what: `an effect to be counted as ${outcome}`,
      });
  },
  LIMIT_MS,
);

it(
  'a lamp is no longer listed after its bulb is replaced; switching off has no effect to measure',
  async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await Lamp.connect(fleet, 'lamp');
    await lamp.report(20, false);
    const dark = await lamp.obey();
    await lamp.report(20, true);
    expect(await effectOf(dark)).toMatchObject({ outcome: 'ineffective' });
    expect(await ineffectiveDevices(fleet)).toEqual(['lamp']);
    await lamp.report(400, true);
    expect((await commandOf(await lamp.obey())).effect).toBeUndefined();
    await lamp.report(30, false);
    const shining = await lamp.obey();
    await lamp.report(150, true);
    expect(await effectOf(shining)).toMatchObject({ outcome: 'effective' });
    expect(await ineffectiveDevices(fleet)).toEqual([]);
  },
  LIMIT_MS,
);

it(
  'an effect is measured although the replica that recorded the success was killed',
  async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await Lamp.connect(fleet, 'lamp');
    await lamp.report(20, false);
    const id = await lamp.obey();
    stack.rules.kill('SIGKILL');
    const other = await addReplica(stack, { RULES_FILE: rulesFile });
    // The deadline may have passed by now, so both outcomes are correct.
    await lamp.report(20, true);
    expect(await effectOf(id)).toMatchObject({
      outcome: expect.stringMatching(/^(ineffective|unmeasured)$/),
    });
    expect(other.exit).toBeUndefined();
  },
  LIMIT_MS,
);
