import { EDGE_DELIVERY } from '@lamplighter/contracts/edge/edge';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { enqueueCommand } from '@lamplighter/store/commands/enqueue-command';
import { listCommands } from '@lamplighter/store/commands/read-commands';
import { acknowledgeCommands } from '@lamplighter/store/delivery/acknowledge-commands';
import { claimCommands } from '@lamplighter/store/delivery/claim-commands';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { recordPresence } from '@lamplighter/store/devices/presence';
import { confirmEdgeRules, setEdgeRule } from '@lamplighter/store/edge/edge-settings';
import { writeRule } from '@lamplighter/store/rules/rules';
import { closeLater } from '@lamplighter/test-kit/resources';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { until } from '@lamplighter/test-kit/until';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import type { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { EdgeFollowService } from './edge-follow.service.js';

const TTL_MS = 7 * 24 * 3_600_000;
const SENT = 'night-light@1';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});
beforeEach(async () => {
  await store.redis.flushall();
  const rule = ruleSchema.parse({
    id: 'night-light',
    when: 'light < 300',
    then: { led_on: true },
    else: { led_on: false },
  });
  await writeRule(store.redis, 'demo', rule, 'absent');
});

/** A device with an edge rule, whose command is pending. */
async function deviceWithRule(name: string, { isOnline }: { isOnline: boolean }): Promise<DeviceAddress> {
  const address = new DeviceAddress('demo', name, false);
  const session = { session: 1, reports: 2 * TTL_MS };
  await recordPresence(store.redis, [{ address, message: { online: true, ...session } }]);
  if (!isOnline) await recordPresence(store.redis, [{ address, message: { online: false, session: 1 } }]);
  await setEdgeRule(store.redis, 'demo', name, { rule: 'night-light', sent: SENT });
  const action = { edge_rule: { id: 'night-light' } };
  const { lane, policy } = EDGE_DELIVERY;
  await enqueueCommand(store.redis, { fleet: 'demo', device: name, lane, policy, ttl: TTL_MS, action });
  return address;
}

const statesOf = async ({ fleet, device }: DeviceAddress) =>
  (await listCommands(store.redis, fleet, device, { limit: 10 })).map(({ state }) => state);

/** Walks once over all devices with an edge rule. */
function startFollowing(): EdgeFollowService {
  const logger = createLogger('rules', 'silent');
  const metrics = new RulesMetrics('rules', 'test');
  const follow = new EdgeFollowService(
    store.redis,
    logger,
    metrics,
    new RulesErrors(logger, metrics),
    new RulesCommandRecorder(logger, metrics, { append: () => undefined } as unknown as LiveEventsService),
  );
  follow.onApplicationBootstrap();
  closeLater('edge rules', () => follow.stop());
  return follow;
}

it('sends a rule again to the devices that were offline until its command expired, and to no others', async () => {
  const [offline, confirmed, rejecting, waiting] = await Promise.all([
    deviceWithRule('offline', { isOnline: false }),
    deviceWithRule('confirmed', { isOnline: true }),
    deviceWithRule('rejecting', { isOnline: true }),
    deviceWithRule('waiting', { isOnline: false }),
  ]);
  const dispatched = await claimCommands(store.redis, [confirmed.shard, rejecting.shard], 10);
  await acknowledgeCommands(
    store.redis,
    dispatched.map(({ command: { id, device } }) => ({
      device: `demo/${device}`,
      acknowledgement: {
        id,
        status: device === 'confirmed' ? ('succeeded' as const) : ('rejected' as const),
      },
      cause: 'device',
    })),
  );
  await confirmEdgeRules(store.redis, [{ fleet: 'demo', device: 'confirmed', confirmed: SENT, seq: 1 }]);
  await timePasses(store.redis, TTL_MS, offline);
  await claimCommands(store.redis, [offline.shard], 10);
  expect(await statesOf(offline)).toEqual(['expired']);

  startFollowing();
  await until(async () => (await statesOf(offline)).length === 2, { what: 'the rule to be sent again' });
  expect(await statesOf(offline)).toEqual(['pending', 'expired']);
  await until(async () => (await store.redis.exists('{lamplighter}:edge-rules-walk')) === 0, {
    what: 'the end of the walk',
  });
  expect(await statesOf(confirmed)).toEqual(['succeeded']);
  expect(await statesOf(rejecting)).toEqual(['rejected']);
  expect(await statesOf(waiting)).toEqual(['pending']);
});
