import { randomBytes } from 'node:crypto';
import type { CommandEnvelope } from '@lamplighter/contracts/commands/command';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { parseBrokerUrl } from '@lamplighter/device/connection/broker';
import { DeviceClient } from '@lamplighter/device/device-client';
import { type TestDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { startService, type TestService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { acknowledge, connectAnnounced } from '../announced-device.js';
import { putRule } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
let sim: TestService;
beforeAll(async () => {
  stack = await startStack({ rulesEnv: { LOG_LEVEL: 'debug' }, apiEnv: { LOG_LEVEL: 'debug' } });
  const env = { MQTT_URL: stack.broker.fleetUrl('demo'), DEVICES: '2', LOG_LEVEL: 'debug' };
  sim = await startService('device-sim', env);
}, 60_000);

/** The JSON lines in the output of a service. */
function linesOf(output: string): Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The log lines of a command, of API and rules; settles when its end is logged. */
const logOf = (command: string) =>
  until(
    () => {
      const lines = [...linesOf(stack.api.output()), ...linesOf(stack.rules.output())].filter(
        (line) => line.command === command,
      );
      return lines.some(({ msg }) => msg === 'command ended') && lines;
    },
    { what: `the end of command ${command} in the log` },
  );

it('services log no warning when they start with the broker and Redis running', () => {
  const lines = [stack.rules, stack.api, sim].flatMap((service) => linesOf(service.output()));
  const warnings = lines.filter(({ level }) => level === 'warn');
  expect(warnings).toEqual([]);
});

const newTrace = () => {
  const trace = randomBytes(16).toString('hex');
  return { trace, traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-01` };
};

const sendTo = (device: TestDevice, action: object, headers: Record<string, string> = {}) =>
  stack.send('POST', `/v1/fleets/${device.fleet}/devices/${device.device}/commands`, { action }, headers);

/** An announced device; `next` returns the MQTT message of its next command. */
async function connectLamp(fleet: TestFleet) {
  const device = await connectAnnounced(stack, fleet);
  const topic = deviceTopic(fleet.name, 'commands', device.device);
  return { device, next: () => device.next((message) => message.topic === topic) };
}
const traceOf = ({ packet }: { packet: { properties?: { userProperties?: object } } }) =>
  (packet.properties?.userProperties as { traceparent?: string } | undefined)?.traceparent;
const idOf = ({ payload }: { payload: Buffer }) =>
  (JSON.parse(payload.toString()) as { _cmd: { id: string } })._cmd.id;

describe('trace', () => {
  it('is passed with an API command to its device, and is in the logs of all services', async () => {
    const { device, next } = await connectLamp(await stack.broker.newFleet());
    const { trace, traceparent } = newTrace();
    const sent = await sendTo(device, { led_on: true }, { traceparent });
    expect(sent).toMatchObject({ status: 202, body: { traceparent } });
    const command = await next();
    expect(traceOf(command)).toBe(traceparent);
    expect(idOf(command)).toBe(sent.body.id);
    await acknowledge(device, sent.body.id, 'succeeded');
    const lines = await logOf(sent.body.id);
    expect(lines.map(({ service, msg }) => `${service}: ${msg}`)).toEqual([
      'api: command issued',
      'rules: command dispatched',
      'rules: command acknowledged',
      'rules: command ended',
    ]);
    for (const line of lines)
      expect(line).toMatchObject({ level: 'debug', fleet: device.fleet, device: 'lamp-0001' });
    expect(lines.slice(0, 2)).toMatchObject([{ trace_id: trace }, { trace_id: trace }]);
  });

  it('starts at the API if the request has none or a malformed one', async () => {
    const { device, next } = await connectLamp(await stack.broker.newFleet());
    const form = /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/;
    const requests: Record<string, string>[] = [{}, { traceparent: '00-yes-no-01' }];
    for (const headers of requests) {
      const { body } = await sendTo(device, { [`n${Object.keys(headers).length}`]: 1 }, headers);
      expect(body.traceparent).toMatch(form);
      expect(traceOf(await next())).toBe(body.traceparent);
    }
  });

  it('of a repeated request is the trace of the first request', async () => {
    const { device, next } = await connectLamp(await stack.broker.newFleet());
    const [one, other] = [newTrace(), newTrace()];
    const key = { 'idempotency-key': 'once' };
    const first = await sendTo(device, { led_on: true }, { ...key, traceparent: one.traceparent });
    const second = await sendTo(device, { led_on: true }, { ...key, traceparent: other.traceparent });
    expect(second.body).toMatchObject({ id: first.body.id, traceparent: one.traceparent });
    expect(traceOf(await next())).toBe(one.traceparent);
  });

  it('reaches the program of a DeviceClient, and returns with its acknowledgements', async () => {
    const fleet = await stack.broker.newFleet();
    const executed: { traceparent: string | undefined; id: string | undefined }[] = [];
    const client = new DeviceClient({
      broker: parseBrokerUrl(fleet.url),
      fleet: fleet.name,
      device: 'hall',
      execute: (_action, envelope: CommandEnvelope | undefined, traceparent) => {
        executed.push({ traceparent, id: envelope?.id });
      },
    });
    closeLater('device', () => client.close());
    client.start();
    await stack.online(fleet.name, 'hall');
    const { trace, traceparent } = newTrace();
    const path = `/v1/fleets/${fleet.name}/devices/hall/commands`;
    const sent = await stack.send('POST', path, { action: { led_on: true } }, { traceparent });
    const lines = await logOf(sent.body.id);
    expect(executed).toEqual([{ traceparent, id: sent.body.id }]);
    expect(lines.map(({ trace_id }) => trace_id)).toEqual(lines.map(() => trace));
    expect(lines.map(({ msg, state }) => `${msg} ${state}`)).toEqual([
      'command issued pending',
      'command dispatched 0',
      'command acknowledged acknowledged',
      'command acknowledged succeeded',
      'command ended succeeded',
    ]);
  });

  it('of a reading continues in the command of its rule; other rule commands have no trace', async () => {
    const fleet = await stack.broker.newFleet();
    const { device, next } = await connectLamp(fleet);
    const { trace, traceparent } = newTrace();
    const sender = await connectMqtt(fleet.url);
    const topic = deviceTopic(fleet.name, 'telemetry', 'lamp-0001');
    await sender.publish(topic, { light: 100 }, { userProperties: { unit: 'lux', traceparent } });
    const traced = await next();
    expect(traceOf(traced)).toBe(traceparent);
    await until(
      () =>
        linesOf(stack.rules.output()).find(
          ({ command, msg }) => command === idOf(traced) && msg === 'command emitted',
        ),
      { what: 'the log line of the emitted command' },
    ).then((line) => expect(line).toMatchObject({ trace_id: trace, cause: 'rule:night-light' }));
    await acknowledge(device, idOf(traced), 'succeeded');
    await sender.publish(topic, { light: 900 });
    expect(traceOf(await next())).toBeUndefined();
  });
});

describe('logs', () => {
  const SECRET = `hush-${randomBytes(8).toString('hex')}`;

  it('contain no payload, key, password, header or control character at any level', async () => {
    const fleet = await stack.broker.newFleet();
    const { device, next } = await connectLamp(fleet);
    // Messages of devices: readings, replays, malformed readings, births and acknowledgements.
    await device.sendReading({ light: 100, note: SECRET });
    await device.sendReading([{ light: 100, note: SECRET }]);
    for (const malformed of [SECRET, `{"light":"${SECRET}"`, `{"light":{"${SECRET}":{"a":{"b":{"c":1}}}}}`])
      await device.publish(deviceTopic(fleet.name, 'telemetry', 'lamp-0001'), malformed);
    await device.publish(deviceTopic(fleet.name, 'presence', 'lamp-0001'), `{"online":"${SECRET}"}`);
    await device.publish(deviceTopic(fleet.name, 'acknowledgements', 'lamp-0001'), `{"id":"${SECRET}"`);
    // Requests of clients: commands, malformed bodies, rules and a wrong key.
    const sent = await sendTo(device, { say: `${SECRET}\u001b[2J\u009b` }, { 'x-note': SECRET });
    await next();
    await acknowledge(device, sent.body.id, 'succeeded', { result: { say: SECRET }, reason: SECRET });
    await sendTo(device, { say: SECRET, '\u0000': 1 });
    await stack.send('POST', `/v1/fleets/${fleet.name}/devices/lamp-0001/commands`, `{"action":"${SECRET}`);
    await putRule(stack, fleet, {
      id: 'r',
      when: `note == "${SECRET}" && light / 0 > 1`,
      then: { say: SECRET },
    });
    await device.sendReading({ light: 1, note: SECRET });
    const wrongKey = `lamp_0123456789ab.${SECRET.padEnd(43, 'x')}`;
    const rejected = await fetch(`${stack.api.url}/v1/fleets`, {
      headers: { authorization: `Bearer ${wrongKey}` },
    });
    expect(rejected.status).toBe(401);
    await logOf(sent.body.id);

    const passwords = [stack.redis.url, stack.broker.rulesUrl, stack.broker.fleetUrl('demo'), fleet.url].map(
      (url) => decodeURIComponent(new URL(url).password),
    );
    const forbidden = [SECRET, stack.key, stack.key.split('.')[1]!, wrongKey, 'Bearer', ...passwords];
    for (const service of [stack.api, stack.rules, sim]) {
      const output = service.output();
      for (const text of forbidden.filter((one) => one !== '')) expect(output).not.toContain(text);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them
      expect(output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  });

  it('consist of JSON lines with time, level, service and message', () => {
    for (const [name, service] of Object.entries({ api: stack.api, rules: stack.rules, 'device-sim': sim })) {
      // The services still write logs, so the last line can be incomplete.
      const output = service.output();
      const whole = output.slice(0, output.lastIndexOf('\n') + 1);
      const lines = linesOf(whole);
      expect(whole.split('\n')).toHaveLength(lines.length + 1);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines)
        expect(line).toMatchObject({ time: expect.any(String), msg: expect.any(String), service: name });
      for (const { level } of lines) expect(['debug', 'info', 'warn', 'error']).toContain(level);
    }
  });
});
