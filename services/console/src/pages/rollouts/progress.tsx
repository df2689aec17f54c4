import type { Schemas } from '../../api/client.js';
import { counted, number } from '../../elements/format.js';

type Rollout = Pick<Schemas['Rollout'], 'enqueued' | 'skipped' | 'outcomes' | 'matched'>;

const GOOD = ['succeeded'] as const;
const BAD = ['failed', 'rejected', 'expired', 'unknown'] as const;
const OVER = ['superseded', 'cancelled'] as const;

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

/** Commands of a rollout: succeeded, failed, ended otherwise, and still open. */
function countsOf({ enqueued, outcomes }: Rollout) {
  const good = sum(GOOD.map((state) => outcomes[state]));
  const bad = sum(BAD.map((state) => outcomes[state]));
  const over = sum(OVER.map((state) => outcomes[state]));
  return { good, bad, over, open: Math.max(0, enqueued - good - bad - over) };
}

/** How far a rollout has progressed, as a bar with a sentence. */
export function RolloutProgress({ rollout }: { rollout: Rollout }) {
  const { good, bad, over, open } = countsOf(rollout);
  const all = Math.max(1, rollout.enqueued);
  let left = 0;
  const part = (kind: string, count: number) => {
    const x = left;
    left += (count / all) * 100;
    return <rect key={kind} className={`progress-${kind}`} x={x} width={(count / all) * 100} height="8" />;
  };
  return (
    <div className="progress">
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="8" className="progress-none" />
        {[part('good', good), part('bad', bad), part('over', over), part('open', open)]}
      </svg>
      <p>
        {counted(rollout.enqueued, 'command')}: ✓ {number(good)} succeeded, ! {number(bad)} failed, –{' '}
        {number(over)} ended otherwise, … {number(open)} open
      </p>
    </div>
  );
}
