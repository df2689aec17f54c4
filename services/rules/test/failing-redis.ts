import type { Redis } from '@lamplighter/store/redis/connect';

/** Stands for the end of the process: whoever gets it does nothing more. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

type Call = (...args: unknown[]) => Promise<unknown>;

/**
 * A connection on which one round trip is the last one of the process: it is not made any more, or made without an answer.
 * @param at how many round trips go well before
 */
export function failingAt(redis: Redis, at: number, when: 'before it is made' | 'after it is made'): Redis {
  let made = 0;
  const trip = async (send: () => Promise<unknown>) => {
    made += 1;
    if (made <= at) return send();
    if (when === 'after it is made' && made === at + 1) await send();
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
