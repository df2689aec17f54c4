import {
  ACKNOWLEDGEMENT_STATUSES,
  type CommandState,
  ON_FAILURE,
} from '@lamplighter/contracts/commands/command';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import fc from 'fast-check';
import { QueueFleet } from '../../test/queue-fleet.js';
import { QueueModel } from '../../test/queue-model.js';
import {
  Acknowledge,
  BecomeStale,
  Cancel,
  Claim,
  Emit,
  Enqueue,
  GiveUp,
  Leave,
  Pass,
  Requeue,
  Resume,
  Wake,
} from '../../test/queue-steps.js';
import { newCommandId } from '../commands/command-id.js';
import { isFinal } from '../commands/read-commands.js';
import { acknowledgeCommands } from './acknowledge-commands.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

const MINUTE = 60_000;
const MONTH = 30 * 24 * 60 * MINUTE;
const LANES = ['arm', 'arm.2'];

const device = fc.constantFrom(0, 1);
const which = fc.nat({ max: 5 });
const lane = fc.constantFrom(...LANES);
const policy = fc.oneof(
  fc.record({
    policy: fc.constantFrom('latest' as const, 'now' as const),
    onFailure: fc.constant('skip' as const),
  }),
  fc.record({ policy: fc.constant('ordered' as const), onFailure: fc.constantFrom(...ON_FAILURE) }),
);
const request = fc
  .record({
    device,
    lane,
    ttl: fc.constantFrom(MINUTE / 6, MINUTE, 60 * MINUTE),
    timeoutMs: fc.constantFrom(1000, MINUTE, 60 * MINUTE),
    attempts: fc.constantFrom(1, 2, 5),
    rollout: fc.constantFrom(undefined, 'R1', 'R2'),
    connects: fc.boolean(),
  })
  .chain((rest) => policy.map((chosen) => ({ ...rest, ...chosen })));
const claim = fc.constant(new Claim());
const steps = fc.commands(
  [
    request.map((one) => new Enqueue(one)),
    request.map((one) => new Emit(one)),
    claim,
    claim,
    fc.constantFrom(1, 4, 5, 6, 11, 45, 61, 90, 4000).map((seconds) => new Pass(seconds * 1000)),
    fc.constantFrom(5, 20).map((seconds) => new Pass(seconds * 1000)),
    device.map((one) => new Wake(one)),
    device.map((one) => new Leave(one)),
    device.map((one) => new BecomeStale(one)),
    fc
      .tuple(which, fc.constantFrom(0, 0, 0, 1, 2), fc.constantFrom(0, 5000, MINUTE))
      .map((args) => new Requeue(...args)),
    fc
      .tuple(
        which,
        fc.constantFrom(...ACKNOWLEDGEMENT_STATUSES),
        fc.option(device, { nil: undefined, freq: 5 }),
      )
      .map((args) => new Acknowledge(...args)),
    fc.tuple(which, fc.constantFrom(0, 0, 1)).map((args) => new GiveUp(...args)),
    fc.tuple(device, lane).map((args) => new Resume(...args)),
    which.map((one) => new Cancel(one)),
  ],
  { maxCommands: 40, size: 'max' },
);

it('in any order of steps each command has one path of transitions, and each lane continues', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      await store.redis.flushall();
      const model = new QueueModel();
      const fleet = new QueueFleet(store);
      for (const { name } of fleet.devices) model.away.add(name); // never reported
      await fc.asyncModelRun(() => ({ model, real: fleet }), commands);

      // No lane is blocked: every command ends with time alone.
      await new Pass(MONTH).run(model, fleet);
      for (const { name } of fleet.devices) (fleet.connected.has(name) ? model.stale : model.away).add(name);
      for (let claims = 0; model.open().length > 0; claims += 1) {
        expect(claims).toBeLessThan(100);
        await new Claim().run(model, fleet);
        await new Pass(MINUTE).run(model, fleet);
      }
      expect(
        [...(await fleet.states()).values()].every((state) => isFinal(state.split(' ')[0] as CommandState)),
      ).toBe(true);
    }),
    { numRuns: 60 },
  );
}, 300_000);

it('an acknowledgement of an unknown command changes nothing', async () => {
  const fleet = new QueueFleet(store);
  const id = newCommandId(fleet.shards()[0]!);
  const acknowledgements = [
    {
      device: fleet.devices[0]!.name,
      acknowledgement: { id, status: 'succeeded' as const },
      cause: 'device',
    },
  ];
  expect(await acknowledgeCommands(store.redis, acknowledgements)).toMatchObject([{ outcome: 'missing' }]);
  expect(await fleet.states()).toEqual(new Map());
});
