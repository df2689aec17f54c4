import type { Redis } from '@lamplighter/store/redis/connect';
import {
  type RestartableService,
  restartableService,
} from '@lamplighter/test-kit/servers/restartable-service';
import { startService, type TestService } from '@lamplighter/test-kit/servers/service';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';
import { type Stack, startStack } from './stack.js';

const connectionsOf = ({ broker, redis }: Stack) => ({
  MQTT_URL: broker.rulesUrl,
  REDIS_URL: redis.rulesUrl,
});

/** Starts another replica of the rules service; settles when it is ready, unless `wait` says otherwise. */
export function addReplica(
  stack: Stack,
  env: Record<string, string> = {},
  options: { wait?: 'ready' | 'started' } = {},
): Promise<TestService> {
  return startService('rules', { ...connectionsOf(stack), ...env }, options);
}

/** A stack, a second replica of its rules service, which a test can kill and start again, and a connection to its Redis. */
export interface StackWithReplica {
  readonly stack: Stack;
  readonly replica: RestartableService;
  readonly redis: Redis;
}

export async function startStackWithReplica(): Promise<StackWithReplica> {
  const stack = await startStack();
  const replica = await restartableService('rules', connectionsOf(stack));
  await replica.ready();
  return { stack, replica, redis: await connected(stack.redis.url) };
}
