import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { openLink } from '@lamplighter/test-kit/servers/link';
import { until } from '@lamplighter/test-kit/until';
import { type FaultCase, startFaultCase } from './fault-case.js';

const LAMP = 'lamp-0001';
/** The broker closes a silent connection after 1.5 times this, seconds. */
const KEEPALIVE_SECONDS = 2;
// The newer session has the lower number, as after a clock that was set back.
const [OLD, NEW] = [9, 4];

const presenceOf = (fleet: TestFleet) => `${fleet.name}/presence/${LAMP}`;

/** A session that may use a breakable link. Its client id differs, so that the new session does not take it over. */
async function oldSession(fleet: TestFleet, url: string) {
  const will = JSON.stringify({ online: false, session: OLD });
  const client = await connectMqtt(url, {
    clientId: `${fleet.name}.${LAMP}.${OLD}`,
    keepalive: KEEPALIVE_SECONDS,
    will: { topic: presenceOf(fleet), payload: Buffer.from(will), qos: 1, retain: true },
  });
  await client.publish(presenceOf(fleet), { online: true, session: OLD }, { retain: true });
  return client;
}

async function newSession(fleet: TestFleet) {
  const lamp = await connectDevice(fleet, LAMP);
  await lamp.publish(presenceOf(fleet), { online: true, session: NEW }, { retain: true });
  return lamp;
}

const sessionIs = ({ client }: FaultCase, fleet: TestFleet, session: number) =>
  until(
    async () => {
      const { body } = await client.get(`/v1/fleets/${fleet.name}/devices/${LAMP}`);
      expect(body).toMatchObject({ presence: 'online', session: { id: session, online: true } });
      return true;
    },
    { what: `session ${session} to be online` },
  );

/** Expects that a command with policy `now` reaches the new session. */
async function expectReached(
  { client }: FaultCase,
  fleet: TestFleet,
  lamp: Awaited<ReturnType<typeof newSession>>,
) {
  const path = `/v1/fleets/${fleet.name}/devices/${LAMP}/commands`;
  const body = { action: { led_on: true }, policy: 'now', ttl: '10s' };
  expect((await client.request('POST', path, { body })).status).toBe(202);
  expect(await lamp.nextCommand()).toMatchObject({ led_on: true });
}

/** Resolves when the broker has published the will of the old session. */
async function untilWill(fleet: TestFleet, observer: Awaited<ReturnType<typeof connectMqtt>>) {
  await observer.next(
    ({ topic, payload }) => topic === presenceOf(fleet) && payload.includes('"online":false'),
    30_000,
  );
}

it('F20: a new session is online although rules was killed between the will of the old session and its birth', async () => {
  const faultCase = await startFaultCase({ fleets: [] });
  const { broker, replicas, client } = faultCase;
  const fleet = await broker.newFleet();
  const old = await oldSession(fleet, fleet.url);
  await sessionIs(faultCase, fleet, OLD);
  old.cut();
  const path = `/v1/fleets/${fleet.name}/devices/${LAMP}`;
  await until(async () => (await client.get(path)).body.presence === 'offline', { what: 'the will' });
  await replicas[0]!.kill();
  const lamp = await newSession(fleet);
  await replicas[0]!.start();
  await replicas[0]!.ready();
  await sessionIs(faultCase, fleet, NEW);
  await expectReached(faultCase, fleet, lamp);
}, 120_000);

it('F20: the late will of an old session does not end the new one, even if rules is killed in between', async () => {
  const faultCase = await startFaultCase({ fleets: [], replicas: 2 });
  const { broker, replicas } = faultCase;
  const fleet = await broker.newFleet();
  const observer = await connectMqtt(broker.rulesUrl);
  await observer.subscribe(presenceOf(fleet));
  const link = await openLink(broker.port);
  await oldSession(fleet, link.through(fleet.url));
  await sessionIs(faultCase, fleet, OLD);
  // The broker considers the old connection open until its keep-alive has passed.
  link.stall();
  const lamp = await newSession(fleet);
  await sessionIs(faultCase, fleet, NEW);
  // One replica receives the will after the other has recorded it; the other finds it retained at startup.
  const [first, second] = replicas;
  second!.pause();
  await first!.kill();
  await untilWill(fleet, observer);
  await first!.start();
  await first!.ready();
  second!.resume();
  await second!.ready();
  await sessionIs(faultCase, fleet, NEW);
  await expectReached(faultCase, fleet, lamp);
  const ignored = async () => {
    const texts = replicas.map(async ({ url }) => (await fetch(`${url}/metrics`)).text());
    return (await Promise.all(texts)).every((text) =>
      /^lamplighter_presence_messages_total\{result="ignored"\} [1-9]/m.test(text),
    );
  };
  await until(ignored, { what: 'both replicas to have ignored the will' });
  await sessionIs(faultCase, fleet, NEW);
}, 120_000);
