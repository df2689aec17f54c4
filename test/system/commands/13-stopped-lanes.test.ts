import { type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { deviceDetailSchema } from '../../../services/api/src/devices/device.schema.js';
import { acknowledge, connectAnnounced, idOf } from '../announced-device.js';
import { type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

/** A device that acknowledges the command of each step with `status(step)`. */
async function connectRobot(status: (step: number) => string) {
  const fleet = await stack.broker.newFleet();
  const device = await connectAnnounced(stack, fleet, 'robot');
  const path = `/v1/fleets/${fleet.name}/devices/robot`;
  return {
    path,
    device,
    /** Sends steps on the ordered lane `arm`; returns the ids of their commands. */
    send: async (steps: number[], options: object) => {
      const ids: string[] = [];
      for (const step of steps) {
        const body = { action: { step }, policy: 'ordered', lane: 'arm', ...options };
        const { status, body: command } = await stack.send('POST', `${path}/commands`, body);
        expect([status, command.type]).toEqual([202, undefined]);
        ids.push(command.id);
      }
      return ids;
    },
    /** Acknowledges the next `count` commands; returns their steps. */
    acknowledge: async (count: number) => {
      const steps: number[] = [];
      for (let i = 0; i < count; i += 1) steps.push(await acknowledgeNext(device, status));
      return steps;
    },
    state: async (id: string) => (await stack.get(`/v1/commands/${id}`)).body.state as string,
    stoppedLanes: async () => (await stack.get(path)).body.stoppedLanes as object[],
  };
}

async function acknowledgeNext(device: TestDevice, status: (step: number) => string): Promise<number> {
  const command = await device.nextCommand(30_000);
  const step = command.step as number;
  await acknowledge(device, idOf(command), status(step), { reason: `step ${step}` });
  return step;
}

const failsAt = (bad: number) => (step: number) => (step === bad ? 'failed' : 'succeeded');

describe('failure in an ordered lane', () => {
  it('stops the lane with `stop`; later commands stay pending and continue in order after a resume', async () => {
    const arm = await connectRobot(failsAt(2));
    const ids = await arm.send([1, 2, 3, 4], { onFailure: 'stop' });
    expect(await arm.acknowledge(2)).toEqual([1, 2]);
    await until(async () => (await arm.stoppedLanes()).length > 0, { what: 'the lane to stop' });
    const { body } = await stack.get(arm.path);
    expect(deviceDetailSchema.parse(body)).toEqual(body);
    expect(body).toMatchObject({ stoppedLanes: [{ lane: 'arm', stoppedBy: ids[1] }], pendingCommands: 2 });
    const ofFleet = await stack.get(`/v1/fleets/${body.fleet}/stopped-lanes`);
    expect(ofFleet.body.lanes).toContainEqual({
      device: body.device,
      lane: 'arm',
      stoppedBy: ids[1],
      waiting: 2,
    });
    // Another lane still runs; when its command has ended, the stopped lane has had time to dispatch.
    const otherLane = await stack.send('POST', `${arm.path}/commands`, { action: { step: 9 }, lane: 'leg' });
    expect(await arm.acknowledge(1)).toEqual([9]);
    await until(async () => (await arm.state(otherLane.body.id)) === 'succeeded', {
      what: 'the command of the other lane to succeed',
    });
    expect([await arm.state(ids[2]!), await arm.state(ids[3]!)]).toEqual(['pending', 'pending']);

    const resumed = await stack.send('POST', `${arm.path}/lanes/arm/resume`);
    expect([resumed.status, resumed.body.stoppedBy]).toEqual([200, ids[1]]);
    expect(await arm.acknowledge(2)).toEqual([3, 4]);
    await until(async () => (await arm.state(ids[3]!)) === 'succeeded', { what: 'the last step to succeed' });
    expect(await arm.stoppedLanes()).toEqual([]);
    const again = await stack.send('POST', `${arm.path}/lanes/arm/resume`);
    expect([again.status, again.body]).toEqual([
      200,
      { fleet: arm.device.fleet, device: 'robot', lane: 'arm' },
    ]);
  }, 60_000);

  it('cancels the pending commands of the lane with `abort-rest`, and records the cause', async () => {
    const arm = await connectRobot(failsAt(1));
    const ids = await arm.send([1, 2, 3], { onFailure: 'abort-rest' });
    await arm.acknowledge(1);
    await until(async () => (await arm.state(ids[2]!)) === 'cancelled', { what: 'the rest to be cancelled' });
    for (const id of ids.slice(1)) {
      const { transitions } = (await stack.get(`/v1/commands/${id}`)).body;
      expect(transitions.at(-1)).toMatchObject({
        state: 'cancelled',
        cause: `aborted:${ids[0]}`,
        attempt: 0,
      });
    }
    expect(await arm.stoppedLanes()).toEqual([]);
  }, 60_000);

  it('continues with the next command with `skip`, the default', async () => {
    const arm = await connectRobot(failsAt(1));
    const ids = await arm.send([1, 2], {});
    expect(await arm.acknowledge(2)).toEqual([1, 2]);
    await until(async () => (await arm.state(ids[1]!)) === 'succeeded', {
      what: 'the second step to succeed',
    });
    expect(await arm.state(ids[0]!)).toBe('failed');
  }, 60_000);
});

it('a command shows its delivery options, and its transitions in order with time, cause and attempt', async () => {
  const arm = await connectRobot(failsAt(1));
  const [id] = await arm.send([1], { timeout: '90s', attempts: 3, ttl: '10m', onFailure: 'skip' });
  await arm.acknowledge(1);
  await until(async () => (await arm.state(id!)) === 'failed', { what: 'the command to fail' });
  const { body } = await stack.get(`/v1/commands/${id}`);
  expect(body).toMatchObject({ timeoutMs: 90_000, attempts: 3, onFailure: 'skip', attempt: 1 });
  expect(
    body.transitions.map(({ state, attempt }: { state: string; attempt: number }) => [state, attempt]),
  ).toEqual([
    ['pending', 0],
    ['dispatched', 1],
    ['failed', 1],
  ]);
  const times = body.transitions.map(({ at }: { at: string }) => Date.parse(at));
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(body.transitions.map(({ cause }: { cause: string }) => cause)).not.toContain('');
}, 60_000);

it('returns 404 for a lane of an unknown device', async () => {
  const { status, body } = await stack.send('POST', '/v1/fleets/nowhere/devices/robot/lanes/arm/resume');
  expect([status, body.type]).toEqual([404, 'urn:lamplighter:problem:no-such-device']);
});
