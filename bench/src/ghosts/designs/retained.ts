import type { Design } from './design.js';
import { publishCommands } from './published-commands.js';

/** The newest command of each lane is retained, and each subscription delivers it. */
export function retainedCommands(persistence: boolean): Design {
  return {
    name: `retained commands${persistence ? ', broker persists' : ''}`,
    explanation: persistence
      ? 'The newest command of each lane arrives with every connection, even if it was already executed. Only the last step of a sequence remains.'
      : 'The same, and a restart of the broker loses retained commands.',
    broker: { persistence },
    start: ({ url }) => publishCommands(url, { retain: true }),
  };
}
