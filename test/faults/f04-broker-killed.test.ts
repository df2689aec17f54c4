import { expectNothingLost, startFaultCase } from './fault-case.js';

it('F4: kill -9 of the broker with 50 pending commands: each is delivered from Redis after the restart', async () => {
  const faultCase = await startFaultCase({ fleets: [{ devices: 50 }] });
  const { broker, recorder, client, log } = faultCase;
  await broker.kill();
  log('killed the broker');
  const ids: string[] = [];
  for (const { name, devices } of recorder.fleets) {
    for (const device of devices) {
      const { status, body } = await recorder.sender.sendUntilAnswered({
        fleet: name,
        device,
        request: { action: { led_on: true }, policy: 'latest', lane: 'pump', ttl: '10m' },
      });
      expect(status).toBe(202);
      ids.push(body.id);
    }
  }
  await broker.start();
  await expectNothingLost(faultCase);
  const states = await Promise.all(
    ids.map(async (id) => (await client.get(`/v1/commands/${id}`)).body.state),
  );
  expect(new Set(states)).toEqual(new Set(['succeeded']));
}, 240_000);
