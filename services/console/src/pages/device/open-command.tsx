import { Link } from 'wouter';
import { apiPath, commandPath } from '../../addresses/paths.js';
import type { Schemas } from '../../api/client.js';
import { cancelCommand } from '../../api/command-queries.js';
import { ActionButton } from '../../elements/action-button.js';
import { Age } from '../../elements/age.js';
import { CommandStateMark } from '../../elements/command-state.js';
import { curl } from '../../elements/copy.js';
import { NeedsScope } from '../../elements/needs-scope.js';

/** A command that has not ended. It can be cancelled until the device has acknowledged it. */
export function OpenCommand({
  command: { id, fleet, state, action, createdAt },
}: {
  command: Schemas['Command'];
}) {
  return (
    <div className="open-command">
      <p>
        <CommandStateMark state={state} />{' '}
        <Link href={commandPath(fleet, id)}>
          <code>{JSON.stringify(action)}</code>
        </Link>{' '}
        <Age at={Date.parse(createdAt)} />
      </p>
      {state !== 'acknowledged' && (
        <NeedsScope scope="command">
          <ActionButton
            label="Cancel"
            run={() => cancelCommand(id)}
            curl={() => curl('DELETE', apiPath('commands', id))}
          />
        </NeedsScope>
      )}
    </div>
  );
}
