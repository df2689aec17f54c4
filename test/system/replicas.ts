import {
  type RestartableService,
  restartableService,
} from '@lamplighter/test-kit/servers/restartable-service';
import { startService, type TestService } from '@lamplighter/test-kit/servers/service';
import { type Stack, startStack } from './stack.js';

const connectionsOf = ({ broker, redis }: Stack) => ({ MQTT_URL: broker.rulesUrl, REDIS_URL: redis.url });

/** Starts another replica of the rules service; settles when it is ready, unless `wait` says otherwise. */
export function addReplica(
  stack: Stack,
  env: Record<string, string> = {},
  options: { wait?: 'ready' | 'started' } = {},
): Promise<TestService> {
  return startService('rules', { ...connectionsOf(stack), ...env }, options);
}

/** Starts a stack and a second replica of its rules service, which a test can kill and start again. */
export async function startStackWithReplica(): Promise<{ stack: Stack; replica: RestartableService }> {
  const stack = await startStack();
  const replica = await restartableService('rules', connectionsOf(stack));
  await replica.ready();
  return { stack, replica };
}
