// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEdgeReport } from '@lamplighter/contracts/edge/edge';
import type { Reading } from '@lamplighter/contracts/telemetry/reading';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';

const PROGRAM = fileURLToPath(new URL('night-light.mjs', import.meta.url));
const SLOW = { timeoutMs: 30_000 };

/** Runs the example in its own folder, which contains the files of sensor and lamp. */
function board(fleet: TestFleet) {
  const folder = temporaryFolder();
  const light = (value: number) => writeFileSync(join(folder, 'light'), String(value));
  light(700);
  let program: ChildProcess | undefined;
  const stop = async (signal: NodeJS.Signals) => {
    if (program === undefined || program.exitCode !== null || program.signalCode !== null) return;
    program.kill(signal);
    await once(program, 'exit');
  };
  closeLater('night-light', () => stop('SIGKILL'));
  return {
    light,
    stop,
    lamp: () => readFileSync(join(folder, 'lamp'), 'utf8'),
    /** Resolves when the program has exited. */
    ended: () => until(() => program?.exitCode === 0, { what: 'the program to end', ...SLOW }),
    start() {
      program = spawn(process.execPath, [PROGRAM], {
        cwd: folder,
        env: { MQTT_URL: fleet.url, FLEET: fleet.name, INTERVAL_MS: '50', FALLBACK_AFTER_MS: '100' },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    },
  };
}

/** A server that stores readings, sends receipts, and commands the device. */
async function serve(broker: TestBroker, { name }: TestFleet) {
  const client = await connectMqtt(broker.rulesUrl);
  for (const kind of ['telemetry', 'acknowledgements', 'presence'])
    await client.subscribe(`${name}/${kind}/hall`);
  const of = (kind: string) =>
    client.received
      .filter(({ topic }) => topic === `${name}/${kind}/hall`)
      .map(({ payload }) => JSON.parse(payload.toString()) as Reading | Reading[]);
  const readings = () => of('telemetry').flat() as Reading[];
  const receipts = setInterval(() => {
    const stored = readings().map(({ _seq }) => _seq);
    void client.publish(`${name}/receipts/hall`, { stored: stored.slice(-2000) }, { qos: 0 }).catch(() => {});
  }, 50);
  closeLater('receipts', () => clearInterval(receipts));
  let seq = Date.now();
  return {
    client,
    readings,
    acknowledgements: () => of('acknowledgements'),
    births: () => of('presence').filter((presence) => Reflect.get(presence, 'online') === true),
    command: (action: object) => {
      seq += 1;
      const _cmd = { id: `c-${seq}`, lane: 'x', seq, attempt: 1, expiresAt: Date.now() + 60_000 };
      return client.publish(`${name}/commands/hall`, { ...action, _cmd });
    },
  };
}

describe('the example of a device', () => {
  it('executes commands, restarts on command, survives a kill and an outage, and loses no reading', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    const device = board(fleet);
    const before = await serve(broker, fleet);
    device.start();
    await until(() => before.births().length === 1, { what: 'the birth', ...SLOW });

    await before.command({ led_on: true });
    await until(() => device.lamp() === '1', { what: 'the lamp to turn on', ...SLOW });
    await before.command({ reboot: true });
    await device.ended();
    device.start();
    await until(
      () =>
        before
          .acknowledgements()
          .filter((acknowledgement) => Reflect.get(acknowledgement, 'status') === 'succeeded').length === 2,
      {
        what: 'the acknowledgement of the restart',
        ...SLOW,
      },
    );
    await device.stop('SIGKILL');
    device.start();
    await until(() => before.births().length === 3, { what: 'the third birth', ...SLOW });
    const rule = { id: 'night-light', when: 'light < 300', then: { led_on: true }, else: { led_on: false } };
    await before.command({ edge_rule: { version: 1, since: 1, rule: ruleSchema.parse(rule) } });
    await until(
      () =>
        before
          .acknowledgements()
          .some(
            (acknowledgement) => 'result' in acknowledgement && 'edge_rule' in Object(acknowledgement.result),
          ),
      {
        what: 'the acknowledgement of the rule',
        ...SLOW,
      },
    );
    const seen = before.readings();

    await broker.kill();
    device.light(100);
    await until(() => device.lamp() === '1', { what: 'the edge rule to turn the lamp on', ...SLOW });
    device.light(800);
    await until(() => device.lamp() === '0', { what: 'the edge rule to turn the lamp off', ...SLOW });
    await broker.start();
    const after = await serve(broker, fleet);
    const decisions = () => after.readings().flatMap(({ _edge }) => parseEdgeReport(_edge)?.decisions ?? []);
    await until(() => decisions().length > 0, { what: 'the report', ...SLOW });
    expect(decisions().map(({ action }) => action)).toEqual([{ led_on: true }, { led_on: false }]);

    const numbers = () =>
      new Set([...seen, ...before.readings(), ...after.readings()].map(({ _n }) => _n as number));
    await until(() => numbers().size > 0 && Math.max(...numbers()) === numbers().size, {
      what: 'every reading from the first to the last',
      ...SLOW,
    });
    expect(after.readings().some(({ _dropped }) => _dropped !== undefined)).toBe(false);
  }, 120_000);
});
