import { emitted, type Replica } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { numbered } from '../../test/readings.js';
import { withDevice } from '../../test/store-setup.js';
import { listCommands } from '../commands/read-commands.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { readDevice } from '../devices/devices.js';
import { MAX_OPEN_COMMANDS } from '../keys.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDevice((setup) => {
  ({ store, device: lamp, rules } = setup);
});

const device = () => readDevice(store.redis, lamp.fleet, lamp.device);

describe('a command that a rule emits', () => {
  it('is dispatched immediately, under a lease of the replica that emitted it', async () => {
    const command = emitted(lamp);
    const { commands } = await rules.accept(lamp, numbered(1), { commands: [command] });
    expect(commands).toEqual([
      {
        id: command.id,
        state: 'dispatched',
        seq: expect.any(Number),
        expiresAt: expect.any(Number),
        superseded: [],
        unknown: [],
      },
    ]);
    expect(await listCommands(store.redis, lamp.fleet, lamp.device, { limit: 10 })).toMatchObject([
      {
        id: command.id,
        source: 'rule',
        rule: 'night-light',
        action: { led_on: true },
        state: 'dispatched',
        attempt: 1,
      },
    ]);
  });

  it('waits behind the command before it, and supersedes pending ones', async () => {
    const [first, second, third] = [emitted(lamp), emitted(lamp), emitted(lamp)];
    const before = await rules.accept(lamp, numbered(1), { commands: [first] });
    const { commands } = await rules.accept(lamp, numbered(2), { commands: [second, third] });
    expect(commands.map(({ state, superseded }) => [state, superseded])).toEqual([
      ['pending', []],
      ['pending', [second.id]],
    ]);
    const numbers = [...before.commands, ...commands].map(({ seq }) => seq);
    expect(numbers[1]).toBeGreaterThan(numbers[0]!);
    expect(numbers[2]).toBeGreaterThan(numbers[1]!);
  });

  it('is rejected at the limit, and its reading is still stored', async () => {
    const lanes = Array.from({ length: MAX_OPEN_COMMANDS + 1 }, (_, i) =>
      emitted(lamp, { lane: `lane-${i}` }),
    );
    const { commands } = await rules.accept(lamp, numbered(1), { commands: lanes });
    expect(commands.filter(({ state }) => state === 'full').map(({ id }) => id)).toEqual([lanes.at(-1)!.id]);
    expect(await device()).toMatchObject({ pendingCommands: MAX_OPEN_COMMANDS, last: { seq: 1 } });
  });
});
