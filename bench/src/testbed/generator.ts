import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TrialPlan, TrialReply, TrialResult } from '../load/trial-plan.js';

const MAIN = fileURLToPath(new URL('../load/main.js', import.meta.url));

/** The load generator, a separate process that ends with this one. */
export class Generator {
  private readonly child: ChildProcess = fork(MAIN, { serialization: 'advanced' });

  /** Runs a trial; one at a time.
   * @throws Error if a connection was lost */
  async run(plan: TrialPlan): Promise<TrialResult> {
    this.child.send(plan);
    const [reply] = (await once(this.child, 'message')) as [TrialReply];
    if ('error' in reply) throw new Error(reply.error);
    return reply.result;
  }

  stop(): void {
    this.child.disconnect();
  }
}
