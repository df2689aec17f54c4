import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TrialAnswer, TrialPlan, TrialResult } from '../load/trial.js';

const MAIN = fileURLToPath(new URL('../load/main.js', import.meta.url));

/** The load generator's process. It ends with ours, when the channel closes. */
export class Generator {
  private readonly child: ChildProcess = fork(MAIN, { serialization: 'advanced' });

  /** Runs one trial; one at a time.
   * @throws Error if a connection was lost */
  async run(plan: TrialPlan): Promise<TrialResult> {
    this.child.send(plan);
    const [answer] = (await once(this.child, 'message')) as [TrialAnswer];
    if ('error' in answer) throw new Error(answer.error);
    return answer.result;
  }

  stop(): void {
    this.child.disconnect();
  }
}
