// The load generator, a process of its own: takes trial plans over IPC, one after the other, and answers with results.
import { runTrial } from './run-trial.js';
import type { TrialAnswer, TrialPlan } from './trial.js';

process.on('message', (plan: TrialPlan) => {
  const answer = (message: TrialAnswer) => process.send?.(message);
  runTrial({ ...plan, pids: { ...plan.pids, generator: process.pid } }).then(
    (result) => answer({ result }),
    (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
