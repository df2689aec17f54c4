import { connect } from 'node:net';
import { READY_MS } from '@lamplighter/native/servers/service';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { cancelCommand } from '@lamplighter/store/commands/cancel-command';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import request from 'supertest';
import { acknowledge, connectAnnounced, idOf } from '../announced-device.js';
import { startStack } from '../stack.js';
import { type StandaloneApi, startStandaloneApi } from '../standalone-api.js';

const LIST = '/v1/fleets/demo/devices/lamp-0001/commands';
const COMMANDS = `${LIST}?allowUnknown=true`;
const COMMAND = { action: { led_on: true }, policy: 'ordered' };
/** Longer than the timeout of any test: a request that waits this long fails its test. */
const LONG = 'wait=60';

describe('with a device that acknowledges', () => {
  it('returns the final state of the command', async () => {
    const stack = await startStack();
    const fleet = await stack.broker.newFleet();
    const path = `/v1/fleets/${fleet.name}/devices/lamp-0001/commands`;
    const lamp = await connectAnnounced(stack, fleet);
    const execute = async () => {
      const id = idOf(await lamp.nextCommand());
      await acknowledge(lamp, id, 'acknowledged');
      await acknowledge(lamp, id, 'succeeded', { result: { light: 412 } });
      return id;
    };
    for (let i = 0; i < 3; i += 1) {
      const [response, id] = await Promise.all([
        stack.send('POST', path, { action: { report: ['light'] } }, { prefer: LONG }),
        execute(),
      ]);
      expect([response.status, response.headers.get('preference-applied')]).toEqual([200, LONG]);
      expect(response.headers.get('location')).toBe(`/v1/commands/${id}`);
      expect(response.body).toMatchObject({ id, state: 'succeeded', answer: { result: { light: 412 } } });
      expect(response.body.transitions.map(({ state }: { state: string }) => state)).toEqual([
        'pending',
        'dispatched',
        'acknowledged',
        'succeeded',
      ]);
    }
  }, 60_000);
});

describe('with a standalone API', () => {
  let api: StandaloneApi;
  const waiting = (service = api) => service.metric('http_waiting_requests');
  const sendCommand = async (service = api) => (await service.post(COMMANDS, COMMAND)).body.id as string;
  /** Starts a request that waits for a command; settles when it waits. `response` settles with its response. */
  const waitFor = async (id: string, service = api) => {
    const before = await waiting(service);
    const response = Promise.resolve(service.get(`/v1/commands/${id}`).set('Prefer', LONG));
    await until(async () => (await waiting(service)) === before + 1, { what: 'the request to wait' });
    return { response };
  };
  beforeAll(async () => {
    api = await startStandaloneApi();
  }, 60_000);

  it('returns the current state of an open command when the wait ends', async () => {
    const posted = await api.post(COMMANDS, COMMAND).set('Prefer', 'wait=1');
    expect([posted.status, posted.headers['preference-applied'], posted.body.state]).toEqual([
      202,
      'wait=1',
      'pending',
    ]);
    const read = await api.get(`/v1/commands/${posted.body.id}`).set('Prefer', 'respond-async, wait="1"');
    expect([read.status, read.headers['preference-applied'], read.body]).toEqual([
      200,
      'wait=1',
      posted.body,
    ]);
  }, 55_000);

  it('returns immediately for a command that has ended or does not exist, and for an invalid request', async () => {
    const id = await sendCommand();
    await api.delete(`/v1/commands/${id}`);
    const ended = await api.get(`/v1/commands/${id}`).set('Prefer', LONG);
    expect([ended.status, ended.body.state]).toEqual([200, 'cancelled']);
    const none = await api.get('/v1/commands/01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17').set('Prefer', LONG);
    expect([none.status, none.headers['preference-applied']]).toEqual([404, undefined]);
    const invalid = await api.post(COMMANDS, {}).set('Prefer', LONG);
    expect([invalid.status, invalid.headers['preference-applied']]).toEqual([400, undefined]);
    await until(async () => (await waiting()) === 0, { what: 'no request to wait' });
  }, 55_000);

  it.each(['wait=soon', 'wait=0', 'wait=-5', 'return=minimal', ''])(
    'ignores an unsupported preference: "%s"',
    async (prefer) => {
      const posted = await api.post(COMMANDS, COMMAND).set('Prefer', prefer);
      expect([posted.status, posted.headers['preference-applied']]).toEqual([202, undefined]);
    },
  );

  it('notifies all requests that wait for the same command', async () => {
    const id = await sendCommand();
    const waits = [];
    for (let i = 0; i < 3; i += 1) waits.push(await waitFor(id));
    await api.delete(`/v1/commands/${id}`);
    for (const { response } of waits) {
      const { status, body } = await response;
      expect([status, body.state]).toEqual([200, 'cancelled']);
    }
    await until(async () => (await waiting()) === 0, { what: 'no request to wait' });
  }, 55_000);

  it('holds up to 1,000 requests, rejects further ones without side effects, and frees the slot of a closed connection', async () => {
    const id = await sendCommand();
    // Four keys, each at its limit.
    const keys = await Promise.all([1, 2, 3, 4].map(() => createApiKey(api.store)));
    const sockets = Array.from({ length: 1000 }, (_, i) => {
      const socket = connect(api.api.port, '127.0.0.1');
      socket.on('error', () => undefined);
      closeLater('waiting client', () => socket.destroy());
      const request = () =>
        socket.write(
          `GET /v1/commands/${id} HTTP/1.1\r\nHost: x\r\nPrefer: ${LONG}\r\nX-API-Key: ${keys[i % keys.length]!.key}\r\n\r\n`,
        );
      request();
      // A busy machine may reject some of these because Redis is slow; they are repeated.
      socket.on('data', request);
      return socket;
    });
    await until(async () => (await waiting()) === 1000, { what: 'all requests to wait', timeoutMs: 20_000 });
    const kept = (await api.get(LIST)).body.commands.length;
    for (const rejected of [
      await api.post(COMMANDS, COMMAND).set('Prefer', 'wait=1'),
      await api.get(`/v1/commands/${id}`).set('Prefer', 'wait=1'),
    ]) {
      expect([rejected.status, rejected.body.type]).toEqual([
        503,
        'urn:lamplighter:problem:too-many-waiting',
      ]);
      expect(Number(rejected.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await api.get(LIST)).body.commands).toHaveLength(kept);
    expect((await api.get(`/v1/commands/${id}`)).status).toBe(200);

    for (const socket of sockets) socket.destroy();
    await until(async () => (await waiting()) === 0, { what: 'no request to wait', timeoutMs: 20_000 });
    expect((await api.get(`/v1/commands/${id}`).set('Prefer', 'wait=1')).status).toBe(200);
  }, 60_000);

  it('finds a final state whose event was lost in a restart of Redis', async () => {
    const other = await startStandaloneApi();
    const id = await sendCommand(other);
    const { response } = await waitFor(id, other);
    expect(await cancelCommand(other.store, id)).toEqual({ state: 'cancelled', isOurs: true });
    await other.redis.kill();
    await other.redis.start();
    const { status, body } = await response;
    expect([status, body.state]).toEqual([200, 'cancelled']);
  }, 55_000);

  it('returns the current state to waiting requests on SIGTERM, and exits', async () => {
    const service = await startService('api', { REDIS_URL: api.redis.apiUrl }, { wait: 'started' });
    const withKey = (test: request.Test) => test.set('X-API-Key', api.key);
    await until(async () => (await withKey(request(service.url).get('/v1/fleets'))).status === 200, {
      what: 'the API to serve',
      timeoutMs: READY_MS,
    });
    const posted = Promise.resolve(
      withKey(request(service.url).post(COMMANDS).type('json').send(COMMAND)).set('Prefer', LONG),
    );
    const metrics = async () => (await request(service.url).get('/metrics')).text;
    await until(async () => (await metrics()).includes('lamplighter_http_waiting_requests 1'), {
      what: 'the request to wait',
    });
    service.kill('SIGTERM');
    const { status, body } = await posted;
    expect([status, body.state]).toEqual([202, 'pending']);
    expect(await service.exited).toEqual({ code: 0, signal: null });
  }, 55_000);
});
