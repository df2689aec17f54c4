import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, bodyOf, type Schemas } from '../../api/client.js';
import { Age } from '../../elements/age.js';
import { CommandStateMark } from '../../elements/command-state.js';
import { CopyButton, curl } from '../../elements/copy.js';

/** A command that has not ended. Only a pending one can be cancelled. */
export function OpenCommand({ command }: { command: Schemas['Command'] }) {
  const queries = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => bodyOf(api.DELETE('/v1/commands/{id}', { params: { path: { id: command.id } } })),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <div className="open-command">
      <p>
        <CommandStateMark state={command.state} /> <code>{JSON.stringify(command.action)}</code>{' '}
        <Age at={Date.parse(command.createdAt)} />
      </p>
      {command.state === 'pending' && (
        <div className="actions">
          <button
            type="button"
            className="button small"
            disabled={cancel.isPending}
            onClick={() => cancel.mutate()}
          >
            Cancel
          </button>
          <CopyButton
            label="Copy as curl"
            text={() => curl('DELETE', `/v1/commands/${encodeURIComponent(command.id)}`)}
          />
        </div>
      )}
      {cancel.error !== null && (
        <p className="form-problem" role="alert">
          {cancel.error.message}
        </p>
      )}
    </div>
  );
}
