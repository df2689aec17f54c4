import type { Schemas } from '../api/client.js';
import { Time } from './age.js';
import { CommandStateMark } from './command-state.js';
import { span } from './format.js';

/** Every state of a command with its time, and how long after the command was created. */
export function CommandTimeline({
  command: { transitions, createdAt },
  sentences = [],
}: {
  command: Pick<Schemas['Command'], 'transitions' | 'createdAt'>;
  /** What each transition means, if known, in the same order. */
  sentences?: readonly string[];
}) {
  const start = Date.parse(createdAt);
  return (
    <ol className="timeline">
      {transitions.map(({ state, at, attempt, cause }, index) => (
        <li key={`${at} ${state} ${attempt}`}>
          <CommandStateMark state={state} />
          <Time at={at} />
          <span className="muted">+{span(Date.parse(at) - start)}</span>
          <span className="muted name timeline-cause">{sentences[index] ?? cause}</span>
        </li>
      ))}
    </ol>
  );
}
