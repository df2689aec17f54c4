import { expectNothingLost, setScene } from './scene.js';

it('F4: kill -9 of the broker with 50 pending commands: each is delivered from Redis once the broker is back', async () => {
  const scene = await setScene({ fleets: [{ devices: 50 }] });
  const { broker, books, client, say } = scene;
  await broker.kill();
  say('the broker is dead');
  const ids: string[] = [];
  for (const { name, devices } of books.roster) {
    for (const device of devices) {
      const { status, body } = await books.commander.insist({
        fleet: name,
        device,
        request: { action: { led_on: true }, policy: 'latest', lane: 'pump', ttl: '10m' },
      });
      expect(status).toBe(202);
      ids.push(body.id);
    }
  }
  await broker.start();
  await expectNothingLost(scene);
  const states = await Promise.all(
    ids.map(async (id) => (await client.get(`/v1/commands/${id}`)).body.state),
  );
  expect(new Set(states)).toEqual(new Set(['succeeded']));
}, 240_000);
