import { setTimeout as wait } from 'node:timers/promises';
import type { Link } from '@lamplighter/test-kit/servers/link';
import type { Restartable } from '@lamplighter/test-kit/servers/restartable';
import type { BreakableStack } from '../stack/breakable-stack.js';
import type { EvidenceRecorder } from './evidence-recorder.js';
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

/** A target and how to break it. */
interface BreakableTarget extends Target {
  inject(kind: FaultKind, ms: number, signal: AbortSignal): Promise<void>;
}

/** Injects the faults of a plan that a seed determines, and ends each one. */
export class FaultInjector {
  private readonly targets: Map<string, BreakableTarget>;
  /** Processes under a fault now. */
  private readonly broken = new Set<Restartable>();

  constructor(
    stack: BreakableStack,
    private readonly recorder: EvidenceRecorder,
    private readonly log: (line: string) => void,
  ) {
    this.targets = new Map(this.targetsIn(stack).map((target) => [target.name, target]));
  }

  /** Whether a process is under a fault, and so expected not to run. */
  isBroken(process: Restartable): boolean {
    return this.broken.has(process);
  }

  /** Runs a plan; settles when every fault has ended. When aborted, it leaves faults in place. */
  async run(random: Random, runMs: number, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const plan = planFaults(random, runMs, [...this.targets.values()]);
    /** The last fault of each part. Stopping can take longer than planned, and the next fault of the part waits for it. */
    const inProgress = new Map<string, Promise<void>>();
    for (const fault of plan) {
      await wait(Math.max(0, fault.at - (performance.now() - startedAt)), undefined, { signal });
      const target = this.targets.get(fault.target)!;
      const before = inProgress.get(target.part) ?? Promise.resolve();
      const act = before.then(() => this.inject(target, fault, signal));
      act.catch(() => undefined); // reported by Promise.all, or aborted
      inProgress.set(target.part, act);
    }
    await Promise.all(inProgress.values());
    await wait(Math.max(0, runMs - (performance.now() - startedAt)), undefined, { signal });
  }

  private async inject(
    target: BreakableTarget,
    { kind, ms }: PlannedFault,
    signal: AbortSignal,
  ): Promise<void> {
    const time = `${(ms / 1000).toFixed(1)} s`;
    const duration = { kill: `, back after ${time}`, restart: `, back after ${time}`, cut: '', forget: '' }[
      kind as string
    ];
    this.log(`fault: ${kind} ${target.name}${duration ?? ` for ${time}`}`);
    this.recorder.recordFault(kind, target.name, ms);
    await target.inject(kind, ms, signal);
  }

  private targetsIn({ broker, redis, replicas, api, fleets }: BreakableStack): BreakableTarget[] {
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
        // The connections of a machine that dies are reset.
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
  ): BreakableTarget {
    return {
      name,
      part,
      weight,
      kinds: PROCESS_FAULTS,
      inject: async (kind, ms, signal) => {
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

function link(name: string, link: Link, { weight, part }: { weight: number; part: string }): BreakableTarget {
  return {
    name,
    part,
    weight,
    kinds: LINK_FAULTS,
    async inject(kind, ms, signal) {
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
