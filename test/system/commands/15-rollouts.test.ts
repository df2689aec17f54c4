import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import type { TestService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { problemSchema } from '../../../services/api/src/problems/problem.js';
import { rolloutPageSchema, rolloutSchema } from '../../../services/api/src/rollouts/rollout.schema.js';
import { connectLamps, type Lamp } from '../acknowledging-lamps.js';
import { collectEvents } from '../event-stream.js';
import { addReplica } from '../replicas.js';
import { type ApiResponse, type Stack, startStack } from '../stack.js';

let stack: Stack;
let rulesFile: string;
beforeAll(async () => {
  // Without rules, only rollouts send commands.
  rulesFile = join(temporaryFolder(), 'rules.json');
  writeFileSync(rulesFile, JSON.stringify({ rules: [] }));
  stack = await startStack({ rulesEnv: { RULES_FILE: rulesFile } });
}, 60_000);

const LIMIT_MS = 60_000;
const ACTION = { led_on: true };
const lamps = (count: number, lamp: Partial<Lamp> = {}): Lamp[] =>
  Array.from({ length: count }, (_, i) => ({
    device: `lamp-${String(i).padStart(4, '0')}`,
    light: 100,
    acknowledgement: 'succeeded',
    ...lamp,
  }));

interface ListedDevice {
  readonly last?: object;
  readonly session?: object;
  readonly presence: string;
}

/** A new fleet with these lamps; settles when all of them have reported. */
async function fleetOf(all: readonly Lamp[]) {
  const fleet = await stack.broker.newFleet();
  const connected = await connectLamps(fleet, all);
  const listDevices = async () =>
    (await stack.get(`/v1/fleets/${fleet.name}/devices?limit=500`)).body.devices;
  await until(
    async () => {
      const devices = await listDevices();
      return (
        devices.length === all.length && devices.every(({ last, session }: ListedDevice) => last && session)
      );
    },
    { what: 'all lamps to be stored', timeoutMs: 30_000 },
  );
  await connected.announceOffline();
  const offline = all.filter(({ isOffline }) => isOffline).length;
  await until(
    async () =>
      (await listDevices()).filter(({ presence }: ListedDevice) => presence === 'offline').length === offline,
    { what: 'some lamps to be offline', timeoutMs: 30_000 },
  );
  return { fleet, ...connected };
}

/** Starts a rollout and returns its path. */
async function startRollout(
  fleet: TestFleet,
  body: object,
  headers: Record<string, string> = {},
): Promise<string> {
  const response = await stack.send(
    'POST',
    `/v1/fleets/${fleet.name}/commands`,
    { action: ACTION, selector: {}, ...body },
    headers,
  );
  expectRollout(response, 202);
  expect(response.body).toMatchObject({ fleet: fleet.name, action: ACTION });
  expect(response.headers.get('location')).toBe(`/v1/rollouts/${response.body.id}`);
  return `/v1/rollouts/${response.body.id}`;
}

function expectRollout(response: ApiResponse, status: number): void {
  expect(response.status).toBe(status);
  expect(rolloutSchema.parse(response.body)).toEqual(response.body);
}

/** Waits until a rollout meets a condition, and returns it. */
async function rolloutThat(path: string, what: string, holds: (rollout: ApiResponse['body']) => boolean) {
  return until(
    async () => {
      const { body } = await stack.get(path);
      if (!holds(body)) throw new Error(JSON.stringify(body));
      return body;
    },
    { what: `the rollout ${what}`, timeoutMs: LIMIT_MS, everyMs: 50 },
  );
}

const hasEnded = ({ state }: { state: string }) => state !== 'running';
const endedOf = ({ outcomes }: { outcomes: Record<string, number> }) =>
  Object.values(outcomes).reduce((sum, count) => sum + count, 0);

describe('rollout', () => {
  it(
    'reaches exactly the selected devices, and ends when all of them have acknowledged',
    async () => {
      const { fleet, reached, commandsOf } = await fleetOf([
        { device: 'dark-1', light: 10, acknowledgement: 'succeeded' },
        { device: 'dark-2', light: 299, acknowledgement: 'succeeded' },
        { device: 'dark-3', light: 299, acknowledgement: 'succeeded' },
        { device: 'bright', light: 300, acknowledgement: 'succeeded' },
        { device: 'dark-away', light: 10, isOffline: true },
      ]);
      const devices = ['dark-1', 'dark-2', 'bright', 'dark-away', 'unknown'];
      const path = await startRollout(fleet, {
        selector: { devices, presence: 'online', when: 'light < 300' },
      });
      const rollout = await rolloutThat(path, 'to end', hasEnded);
      expect(rollout).toMatchObject({ state: 'done', matched: 2, enqueued: 2, outcomes: { succeeded: 2 } });
      expect(Date.parse(rollout.endedAt)).toBeGreaterThanOrEqual(Date.parse(rollout.startedAt));
      expect(reached()).toEqual(['dark-1', 'dark-2']);
      const [id] = commandsOf('dark-1');
      expect((await stack.get(`/v1/commands/${id}`)).body).toMatchObject({
        source: 'rollout',
        rollout: rollout.id,
        state: 'succeeded',
      });
    },
    LIMIT_MS,
  );

  it(
    'counts skipped devices by reason',
    async () => {
      const { fleet } = await fleetOf([
        { device: 'here', light: 1, acknowledgement: 'succeeded' },
        { device: 'away', light: 1, isOffline: true },
      ]);
      const path = await startRollout(fleet, {
        policy: 'now',
        selector: { devices: ['here', 'away', 'unknown'] },
      });
      expect(await rolloutThat(path, 'to end', hasEnded)).toMatchObject({
        ...{ state: 'done', matched: 3, enqueued: 1 },
        ...{ skipped: { unreachable: 1, unknown_device: 1, queue_full: 0 }, outcomes: { succeeded: 1 } },
      });
    },
    LIMIT_MS,
  );

  it(
    'is done immediately if it selects no device',
    async () => {
      const { fleet } = await fleetOf(lamps(3));
      const path = await startRollout(fleet, { selector: { when: 'light > 1000' } });
      expect(await rolloutThat(path, 'to end', hasEnded)).toMatchObject({ state: 'done', matched: 0 });
    },
    LIMIT_MS,
  );

  it(
    'starts once for each idempotency key',
    async () => {
      const { fleet, commandsOf } = await fleetOf(lamps(1));
      const key = { 'idempotency-key': 'rollout-1' };
      const path = await startRollout(fleet, {}, key);
      expect(await startRollout(fleet, {}, key)).toBe(path);
      await rolloutThat(path, 'to end', hasEnded);
      expect(commandsOf('lamp-0000')).toHaveLength(1);
      const other = await stack.send(
        'POST',
        `/v1/fleets/${fleet.name}/commands`,
        { action: ACTION, selector: { presence: 'online' } },
        key,
      );
      expect(other).toMatchObject({
        status: 422,
        body: { type: 'urn:lamplighter:problem:idempotency-key-reused' },
      });
    },
    LIMIT_MS,
  );

  it(
    'writes an event at its start, at most one per second while it runs, and one at its end',
    async () => {
      const { fleet } = await fleetOf(lamps(60));
      const events = await collectEvents(stack, `type=rollout&fleet=${fleet.name}`);
      const path = await startRollout(fleet, { rate: 20 });
      await until(() => events.at(-1)?.state === 'done', { what: 'the last event', timeoutMs: LIMIT_MS });
      expect(events[0]).toMatchObject({ state: 'running', enqueued: 0 });
      expect(events.at(-1)).toMatchObject({ enqueued: 60, matched: 60, outcomes: { succeeded: 60 } });
      const progress = events.slice(0, -1).map(({ at }) => Date.parse(at));
      expect(progress.length).toBeGreaterThan(1);
      // Events are batched for 50 ms before they are written.
      for (const [i, at] of progress.slice(1).entries()) expect(at - progress[i]!).toBeGreaterThan(900);
      expect(path).toBe(`/v1/rollouts/${events[0]!.rollout}`);
      const { startedAt, endedAt } = (await stack.get(path)).body;
      expect(Date.parse(endedAt) - Date.parse(startedAt)).toBeGreaterThan(2000); // 60 at 20 a second
    },
    LIMIT_MS,
  );
});

describe('stopped rollout', () => {
  it(
    'creates no more commands after too many failures, and cancels pending ones',
    async () => {
      const all = lamps(200, { acknowledgement: 'failed' }).map((lamp, i) =>
        i % 10 === 0 ? { ...lamp, isOffline: true } : lamp,
      );
      const { fleet, reached } = await fleetOf(all);
      const path = await startRollout(fleet, { rate: 40, abortAbove: 10 });
      expect(await rolloutThat(path, 'to end', hasEnded)).toMatchObject({ state: 'aborted' });
      const rollout = await rolloutThat(
        path,
        'to have no open commands',
        (one) => endedOf(one) === one.enqueued,
      );
      expect(rollout.outcomes.failed).toBeGreaterThanOrEqual(10);
      expect(rollout.enqueued).toBeLessThan(150);
      expect(reached().length).toBeLessThanOrEqual(rollout.enqueued);
      const open = await openCommands(fleet);
      expect(open).toBe(0);
      expect((await stack.get(path)).body).toEqual(rollout);
    },
    LIMIT_MS,
  );

  it(
    'creates no more commands after it is cancelled, and cancels pending ones',
    async () => {
      const { fleet, reached } = await fleetOf(
        lamps(100).map((lamp, i) => (i % 2 === 0 ? { ...lamp, isOffline: true } : lamp)),
      );
      const path = await startRollout(fleet, { rate: 20 });
      await rolloutThat(path, 'to have sent some commands', ({ enqueued }) => enqueued > 10);
      const cancelled = await stack.send('DELETE', path);
      expectRollout(cancelled, 200);
      expect(cancelled.body).toMatchObject({ state: 'cancelled' });
      const rollout = await rolloutThat(
        path,
        'to have no open commands',
        (one) => endedOf(one) === one.enqueued,
      );
      expect(rollout.enqueued).toBe(cancelled.body.enqueued);
      expect(rollout.enqueued).toBeLessThan(100);
      expect(rollout.outcomes.cancelled + rollout.outcomes.succeeded).toBe(rollout.enqueued);
      expect(reached().length).toBe(rollout.outcomes.succeeded);
      expect(await openCommands(fleet)).toBe(0);
      expect(await stack.send('DELETE', path)).toMatchObject({
        status: 409,
        body: { type: 'urn:lamplighter:problem:rollout-not-cancellable', state: 'cancelled' },
      });
    },
    LIMIT_MS,
  );
});

async function openCommands(fleet: TestFleet): Promise<number> {
  const { devices } = (await stack.get(`/v1/fleets/${fleet.name}/devices?limit=500`)).body;
  return devices.reduce((sum: number, one: { pendingCommands: number }) => sum + one.pendingCommands, 0);
}

describe('the rollouts API', () => {
  it(
    "lists a fleet's rollouts newest first, page by page",
    async () => {
      const { fleet } = await fleetOf(lamps(1));
      const ids: string[] = [];
      for (let i = 0; i < 3; i += 1)
        ids.unshift((await startRollout(fleet, { lane: `l${i}` })).split('/').at(-1)!);
      const seen: string[] = [];
      let path: string | undefined = `/v1/fleets/${fleet.name}/rollouts?limit=2`;
      while (path !== undefined) {
        const response = await stack.get(path);
        expect(rolloutPageSchema.parse(response.body)).toEqual(response.body);
        seen.push(...response.body.rollouts.map(({ id }: { id: string }) => id));
        path = /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
      }
      expect(seen).toEqual(ids);
      for (const id of ids) await rolloutThat(`/v1/rollouts/${id}`, 'to end', hasEnded);
    },
    LIMIT_MS,
  );

  it.each([
    ['a condition that does not parse', { selector: { when: 'light <' } }, 422, '/selector/when'],
    ['a condition that is not boolean', { selector: { when: '1 + 1' } }, 422, '/selector/when'],
    ['no selector', { selector: undefined }, 400, '/selector'],
    ['an unknown selector', { selector: { where: 'x' } }, 400, '/selector/where'],
    ['a rate of 0', { rate: 0 }, 400, '/rate'],
    ['a percentage above 100', { abortAbove: 101 }, 400, '/abortAbove'],
    ['onFailure without the policy ordered', { onFailure: 'stop' }, 400, '/onFailure'],
  ])('rejects %s and points at the field', async (_what, change, status, pointer) => {
    const response = await stack.send('POST', '/v1/fleets/demo/commands', {
      action: ACTION,
      selector: {},
      ...change,
    });
    expect(response.status).toBe(status);
    expect(problemSchema.parse(response.body).errors).toMatchObject([{ in: 'body', pointer }]);
  });

  it.each([
    ['POST', '/v1/fleets/no-such/commands', { action: ACTION, selector: {} }, 'no-such-fleet'],
    ['GET', '/v1/fleets/no-such/rollouts', undefined, 'no-such-fleet'],
    ['GET', '/v1/rollouts/01KAP3Z8Q4T5V6W7X8Y9ZABCDE', undefined, 'no-such-rollout'],
    ['DELETE', '/v1/rollouts/01KAP3Z8Q4T5V6W7X8Y9ZABCDE', undefined, 'no-such-rollout'],
  ])('returns 404 for %s %s', async (method, path, body, problem) => {
    expect(await stack.send(method, path, body)).toMatchObject({
      status: 404,
      body: { type: `urn:lamplighter:problem:${problem}` },
    });
  });
});

// These tests come last because the replica of the stack does not survive them.
describe('rollout with two replicas', () => {
  /** The replica that runs the rollout. */
  async function holderOf(other: TestService): Promise<TestService> {
    const running = async ({ url }: TestService) =>
      /^lamplighter_rollouts_running (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
    return until(
      async () => {
        for (const replica of [stack.rules, other]) if ((await running(replica)) === '1') return replica;
        return undefined;
      },
      { what: 'a replica to run the rollout', timeoutMs: 30_000, everyMs: 50 },
    );
  }

  /** Starts a rollout for 90 lamps; settles when one of two replicas has sent some of its commands. */
  async function runningRollout() {
    const other = await addReplica(stack, { RULES_FILE: rulesFile });
    const { fleet, reached, commandsOf } = await fleetOf(lamps(90));
    const path = await startRollout(fleet, { rate: 30, attempts: 10 });
    const holder = await holderOf(other);
    await rolloutThat(path, 'to have sent some commands', ({ enqueued }) => enqueued > 5);
    return {
      path,
      holder,
      /** Settles when the rollout has ended and each lamp has received exactly one command. */
      async expectOneCommandEach() {
        expect(await rolloutThat(path, 'to end', hasEnded)).toMatchObject({
          ...{ state: 'done', matched: 90, enqueued: 90, outcomes: { succeeded: 90 } },
        });
        for (const device of reached()) expect(commandsOf(device)).toHaveLength(1);
        expect(reached()).toHaveLength(90);
      },
    };
  }
  it(
    'continues on the other replica when its replica freezes, which changes nothing when it resumes',
    async () => {
      const { path, holder, expectOneCommandEach } = await runningRollout();
      holder.kill('SIGSTOP');
      closeLater('frozen replica', () => holder.kill('SIGCONT'));
      await rolloutThat(path, 'to continue', ({ enqueued }) => enqueued === 90);
      holder.kill('SIGCONT');
      await expectOneCommandEach();
    },
    LIMIT_MS * 2,
  );

  it(
    'continues on the other replica when its replica is killed',
    async () => {
      const { holder, expectOneCommandEach } = await runningRollout();
      holder.kill('SIGKILL');
      await expectOneCommandEach();
    },
    LIMIT_MS * 2,
  );
});
