import type { Schemas } from '../api/client.js';

export type CommandState = Schemas['Command']['state'];

type Kind = 'open' | 'good' | 'bad' | 'over';

const KINDS: Readonly<Record<CommandState, Kind>> = {
  pending: 'open',
  dispatched: 'open',
  acknowledged: 'open',
  succeeded: 'good',
  failed: 'bad',
  rejected: 'bad',
  expired: 'bad',
  unknown: 'bad',
  superseded: 'over',
  cancelled: 'over',
};
const SIGNS: Readonly<Record<Kind, string>> = { open: '…', good: '✓', bad: '!', over: '–' };

/** The state of a command, with a sign for each kind of state. */
export function CommandStateMark({ state }: { state: CommandState }) {
  const kind = KINDS[state];
  return (
    <span className="command-state" data-kind={kind}>
      <span className="command-sign" aria-hidden="true">
        {SIGNS[kind]}
      </span>
      {state}
    </span>
  );
}
