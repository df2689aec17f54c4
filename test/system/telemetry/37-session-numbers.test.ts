import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { addReplica } from '../replicas.js';
import { type SharedStack, sharedStack, startStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

const path = (lamp: TestDevice) => `/v1/fleets/${lamp.fleet}/devices/${lamp.device}`;
const publishPresence = (lamp: TestDevice, message: object) =>
  lamp.publish(`${lamp.fleet}/presence/${lamp.device}`, message, { retain: true });
const waitForSession = (lamp: TestDevice, id: number, online: boolean) =>
  until(
    async () => {
      const { body } = await stack.get(path(lamp));
      return body.session?.id === id && body.session.online === online;
    },
    { what: `session ${id} to be ${online ? 'online' : 'offline'}` },
  );

describe.each<[what: string, wrong: number]>([
  ['far in the future', 64_698_438_051_149],
  ['from a clock that was a day ahead', Date.now() + 86_400_000],
  ['from a clock that was not set', 4000],
])('after a session %s', (_what, wrong) => {
  it('births, wills, receipts and commands of policy `now` still work', async () => {
    const lamp = await connectDevice(await stack.broker.newFleet());
    await publishPresence(lamp, { online: true, session: wrong });
    await waitForSession(lamp, wrong, true);
    const session = Date.now();
    await publishPresence(lamp, { online: true, session, telemetry: 'keep' });
    await waitForSession(lamp, session, true);
    await publishPresence(lamp, { online: false, session: wrong }); // the will of the previous session
    await lamp.sendReading({ temp: 1, _seq: 1 });
    const receipt = await lamp.next(({ topic }) => topic.includes('/receipts/'));
    expect(JSON.parse(receipt.payload.toString())).toEqual({ stored: [1] });
    expect((await stack.get(path(lamp))).body).toMatchObject({
      presence: 'online',
      session: { id: session, online: true },
    });
    const { status } = await stack.send('POST', `${path(lamp)}/commands`, {
      action: { led_on: true },
      policy: 'now',
    });
    expect(status).toBe(202);
    expect(await lamp.nextCommand()).toMatchObject({ led_on: true, _cmd: { attempt: 1 } });
    await publishPresence(lamp, { online: false, session });
    await waitForSession(lamp, session, false);
    expect((await stack.get(path(lamp))).body.presence).toBe('offline');
  });
});

it('sessions that always have the number 1 start and end each time', async () => {
  const lamp = await connectDevice(await stack.broker.newFleet());
  for (let round = 0; round < 3; round += 1) {
    await publishPresence(lamp, { online: true, session: 1 });
    await waitForSession(lamp, 1, true);
    await publishPresence(lamp, { online: false, session: 1 });
    await waitForSession(lamp, 1, false);
  }
});

it('the last birth counts after an outage of the services, whatever its number', async () => {
  const alone = await startStack();
  const lamp = await connectDevice(await alone.broker.newFleet());
  const session = async () => (await alone.get(path(lamp))).body.session?.id;
  const ahead = Date.now() + 86_400_000;
  await publishPresence(lamp, { online: true, session: ahead });
  await until(async () => (await session()) === ahead, { what: 'the first birth to be stored' });
  await alone.rules.stop();
  await publishPresence(lamp, { online: true, session: 4000 });
  await addReplica(alone);
  await until(async () => (await session()) === 4000, { what: 'the retained birth to be stored' });
}, 60_000);
