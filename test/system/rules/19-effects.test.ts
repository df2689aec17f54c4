import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { commandSchema } from '../../../services/api/src/commands/command.schema.js';
import { deviceDetailSchema } from '../../../services/api/src/devices/device.schema.js';
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

/** A lamp that does as it is told, says so, and shines on its own sensor, or does not. */
class Lamp {
  private constructor(
    private readonly device: TestDevice,
    private readonly fleet: TestFleet,
  ) {}

  static async connect(fleet: TestFleet, name: string): Promise<Lamp> {
    const device = await connectDevice(fleet, name);
    const lamp = new Lamp(device, fleet);
    await lamp.say('presence', { online: true, session: 1 });
    return lamp;
  }

  async report(light: number, ledOn: boolean): Promise<void> {
    await this.device.sendReading({ light, led_on: ledOn }, { qos: 1 });
  }

  /** Takes the next command and answers it; its id. */
  async obey(): Promise<string> {
    const { _cmd } = await this.device.nextCommand(LIMIT_MS);
    const { id } = _cmd as { id: string };
    await this.say('acknowledgements', { id, status: 'succeeded' });
    await until(async () => (await commandOf(id)).state === 'succeeded', { what: 'the command to succeed' });
    return id;
  }

  private say(kind: 'presence' | 'acknowledgements', message: object): Promise<void> {
    const topic = deviceTopic(this.fleet.name, kind, this.device.device);
    return this.device.publish(topic, message, { qos: 1, retain: kind === 'presence' });
  }
}

async function commandOf(id: string) {
  const { body } = await stack.get(`/v1/commands/${id}`);
  return commandSchema.parse(body);
}

/** The effect of a command, once it is known. */
const effectOf = (id: string) =>
  until(
    async () => {
      const { effect } = await commandOf(id);
      return effect?.outcome !== 'pending' && effect;
    },
    { what: `the effect of ${id}`, timeoutMs: LIMIT_MS, everyMs: 50 },
  );

async function suspects(fleet: TestFleet): Promise<string[]> {
  const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices?effect=ineffective`);
  return body.devices.map(({ device }: { device: string }) => device);
}

it(
  'a burnt-out lamp that says that it shines is found, and one that shines is not',
  async () => {
    const fleet = await stack.broker.newFleet();
    const told = await watchEffects(fleet);
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
    expect(await suspects(fleet)).toEqual(['burnt']);
    const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/burnt`);
    expect(deviceDetailSchema.parse(body).effects).toEqual([
      { rule: RULE.id, outcome: 'ineffective', at: expect.any(String), command: dark },
    ]);
    await until(() => told.length === 3, { what: 'the events' });
    expect(told.find(({ device }) => device === 'burnt')).toMatchObject({
      ...{ type: 'effect', fleet: fleet.name, command: dark, rule: RULE.id, outcome: 'ineffective' },
    });
    for (const outcome of ['effective', 'ineffective', 'unmeasured'])
      expect(await stack.metric('lamplighter_command_effects_total', { outcome })).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

it(
  'a lamp is no longer listed when its bulb has been replaced; switching off has no effect to look for',
  async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await Lamp.connect(fleet, 'lamp');
    await lamp.report(20, false);
    const dark = await lamp.obey();
    await lamp.report(20, true);
    expect(await effectOf(dark)).toMatchObject({ outcome: 'ineffective' });
    expect(await suspects(fleet)).toEqual(['lamp']);
    await lamp.report(400, true);
    expect((await commandOf(await lamp.obey())).effect).toBeUndefined();
    await lamp.report(30, false);
    const shining = await lamp.obey();
    await lamp.report(150, true);
    expect(await effectOf(shining)).toMatchObject({ outcome: 'effective' });
    expect(await suspects(fleet)).toEqual([]);
  },
  LIMIT_MS,
);

it(
  'an effect is found although the replica that recorded the success was killed',
  async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await Lamp.connect(fleet, 'lamp');
    await lamp.report(20, false);
    const id = await lamp.obey();
    stack.rules.kill('SIGKILL');
    const other = await startService('rules', {
      MQTT_URL: stack.broker.rulesUrl,
      REDIS_URL: stack.redis.url,
      RULES_FILE: rulesFile,
    });
    // The time to look may be over by now: that somebody looks is what counts.
    await lamp.report(20, true);
    expect(await effectOf(id)).toMatchObject({
      outcome: expect.stringMatching(/^(ineffective|unmeasured)$/),
    });
    expect(other.exit).toBeUndefined();
  },
  LIMIT_MS,
);

interface Told {
  readonly type: string;
  readonly device: string;
}

/** What watchers of effects are told of a fleet. */
async function watchEffects(fleet: TestFleet): Promise<Told[]> {
  const told: Told[] = [];
  const stop = new AbortController();
  closeLater('event stream', () => stop.abort());
  const response = await fetch(`${stack.api.url}/v1/events?type=effect&fleet=${fleet.name}`, {
    headers: { authorization: `Bearer ${stack.key}` },
    signal: stop.signal,
  });
  void (async () => {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
        text = text.slice(end + 2);
        if (data !== undefined) told.push(JSON.parse(data) as Told);
      }
    }
  })().catch(() => undefined);
  return told;
}
