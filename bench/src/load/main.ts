// The load generator: receives trial plans over IPC, one at a time, and replies with results.
import { runTrial } from './trial.js';
import type { TrialPlan, TrialReply } from './trial-plan.js';

process.on('message', (plan: TrialPlan) => {
  const reply = (message: TrialReply) => process.send?.(message);
  runTrial({ ...plan, pids: { ...plan.pids, generator: process.pid } }).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
