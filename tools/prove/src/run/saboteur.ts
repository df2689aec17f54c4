import { setTimeout as wait } from 'node:timers/promises';
import type { Link } from '@lamplighter/test-kit/servers/link';
import type { Restartable } from '@lamplighter/test-kit/servers/restartable';
import type { Stage } from '../stage/stage.js';
import type { Books } from './books.js';
import {
  type FaultKind,
  LINK_FAULTS,
  type PlannedFault,
  PROCESS_FAULTS,
  planFaults,
  type Target,
} from './plan-faults.js';
import type { Random } from './random.js';

const SLOW_BYTES_PER_SECOND = 4000;

/** Something that may be broken, with its hands on it. */
interface Victim extends Target {
  inflict(kind: FaultKind, ms: number, signal: AbortSignal): Promise<void>;
}

/** Breaks one thing after the other, by a plan that a seed decides, and mends each. */
export class Saboteur {
  private readonly victims: Map<string, Victim>;
  /** Processes that are broken on purpose now. */
  private readonly broken = new Set<Restartable>();

  constructor(
    stage: Stage,
    private readonly books: Books,
    private readonly say: (line: string) => void,
  ) {
    this.victims = new Map(this.victimsOn(stage).map((victim) => [victim.name, victim]));
  }

  /** Whether a process that does not run is not supposed to. */
  isBroken(process: Restartable): boolean {
    return this.broken.has(process);
  }

  /** Works through a plan; settles when everything is mended. Aborted, it leaves things as they are. */
  async work(random: Random, runMs: number, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const plan = planFaults(random, runMs, [...this.victims.values()]);
    /** What is being done to a part: stopping may take longer than planned, and the next fault waits for it. */
    const inHand = new Map<string, Promise<void>>();
    for (const fault of plan) {
      await wait(Math.max(0, fault.at - (performance.now() - began)), undefined, { signal });
      const victim = this.victims.get(fault.target)!;
      const before = inHand.get(victim.part) ?? Promise.resolve();
      const act = before.then(() => this.inflict(victim, fault, signal));
      act.catch(() => undefined); // told by Promise.all, or aborted
      inHand.set(victim.part, act);
    }
    await Promise.all(inHand.values());
    await wait(Math.max(0, runMs - (performance.now() - began)), undefined, { signal });
  }

  private async inflict(
    victim: Victim,
    { kind, target, ms }: PlannedFault,
    signal: AbortSignal,
  ): Promise<void> {
    const time = `${(ms / 1000).toFixed(1)} s`;
    const lasting = { kill: `, back after ${time}`, restart: `, back after ${time}`, cut: '', forget: '' }[
      kind as string
    ];
    this.say(`fault: ${kind} ${target}${lasting ?? ` for ${time}`}`);
    this.books.fault(kind, target, ms);
    await victim.inflict(kind, ms, signal);
  }

  private victimsOn({ broker, redis, replicas, api, fleets }: Stage): Victim[] {
    return [
      this.process('broker', broker, { weight: 1.5 }),
      this.process('redis', redis, { weight: 2 }),
      ...replicas.flatMap((replica, i) => [
        this.process(`rules-${i + 1}`, replica, { weight: 3, part: `rules-${i + 1}` }),
        link(`rules-${i + 1} to broker`, replica.toBroker, { weight: 1, part: `rules-${i + 1}` }),
        link(`rules-${i + 1} to redis`, replica.toRedis, { weight: 1, part: `rules-${i + 1}` }),
      ]),
      this.process('api', api, { weight: 3 }),
      link('api to redis', api.toRedis, { weight: 1.5, part: 'api' }),
      ...fleets.flatMap(({ process, toBroker }, i) => [
        // A machine that dies takes its connections along: the broker hears of it.
        this.process(`devices-${i + 1}`, process, {
          weight: 2,
          part: `devices-${i + 1}`,
          onDeath: () => toBroker.cut(),
        }),
        link(`devices-${i + 1} to broker`, toBroker, { weight: 1.5, part: `devices-${i + 1}` }),
      ]),
    ];
  }

  private process(
    name: string,
    process: Restartable,
    { weight, part = name, onDeath = () => {} }: { weight: number; part?: string; onDeath?: () => void },
  ): Victim {
    return {
      name,
      part,
      weight,
      kinds: PROCESS_FAULTS,
      inflict: async (kind, ms, signal) => {
        this.broken.add(process);
        try {
          if (kind === 'freeze') {
            process.pause();
            await wait(ms, undefined, { signal });
            process.resume();
            return;
          }
          await (kind === 'kill' ? process.kill() : process.stop());
          onDeath();
          await wait(ms, undefined, { signal });
          await process.start();
        } finally {
          this.broken.delete(process);
        }
      },
    };
  }
}

function link(name: string, link: Link, { weight, part }: { weight: number; part: string }): Victim {
  return {
    name,
    part,
    weight,
    kinds: LINK_FAULTS,
    async inflict(kind, ms, signal) {
      if (kind === 'cut') return link.cut();
      if (kind === 'forget') return link.forget();
      if (kind === 'stall') link.stall();
      else link.limit(SLOW_BYTES_PER_SECOND);
      await wait(ms, undefined, { signal });
      link.heal();
      link.limit(undefined);
    },
  };
}
