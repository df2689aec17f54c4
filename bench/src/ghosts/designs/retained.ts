import type { Design } from '../design.js';
import { publishCommands } from './published-commands.js';

/** The newest command of each lane lies retained at the broker, and every subscription brings it. */
export function retainedCommands(persistence: boolean): Design {
  return {
    name: `retained commands${persistence ? ', broker persists' : ''}`,
    explanation: persistence
      ? 'The newest command of each lane arrives, whenever the device connects: also when it has carried it out before. Of a sequence only the last step is left.'
      : 'The same, and a restart of the broker forgets what was retained.',
    broker: { persistence },
    start: ({ url }) => publishCommands(url, { retain: true }),
  };
}
