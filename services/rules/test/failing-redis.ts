import type { Redis } from '@lamplighter/store/redis/connect';

/** Simulates the end of the process. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

type Call = (...args: unknown[]) => Promise<unknown>;

/**
 * A connection that fails at one round trip and from then on.
 * @param successes number of round trips that succeed
 * @param when whether Redis still executes the first failing round trip
 */
export function failAfter(
  redis: Redis,
  successes: number,
  when: 'before execution' | 'after execution',
): Redis {
  let made = 0;
  const trip = async (send: () => Promise<unknown>) => {
    made += 1;
    if (made <= successes) return send();
    if (when === 'after execution' && made === successes + 1) await send();
    throw new ProcessDied();
  };
  return new Proxy(redis, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name !== 'pipeline')
        return (...args: unknown[]) => trip(() => (member as Call).apply(target, args));
      return () => {
        const pipeline = target.pipeline();
        const exec = pipeline.exec.bind(pipeline);
        return Object.assign(pipeline, { exec: () => trip(exec) });
      };
    },
  });
}
