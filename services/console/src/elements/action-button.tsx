import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ApiProblem } from '../api/problem.js';
import { CopyButton } from './copy.js';

/** A button that sends one request and then reads the affected resources again. */
export function ActionButton({
  label,
  busyLabel = label,
  run,
  curl,
  isDanger = false,
}: {
  label: string;
  busyLabel?: string;
  run: () => Promise<unknown>;
  /** The same request as a curl command. */
  curl: () => string;
  isDanger?: boolean;
}) {
  const queries = useQueryClient();
  const action = useMutation({ mutationFn: run, onSettled: () => queries.invalidateQueries() });
  return (
    <div className="actions">
      <button
        type="button"
        className={`button small ${isDanger ? 'danger' : ''}`}
        disabled={action.isPending}
        onClick={() => action.mutate()}
      >
        {action.isPending ? busyLabel : label}
      </button>
      <CopyButton label="Copy as curl" text={curl} />
      {action.error !== null && <ProblemText error={action.error} />}
    </div>
  );
}

/** Why a request failed, with the problem in each field. */
export function ProblemText({ error }: { error: Error }) {
  return (
    <div className="form-problem" role="alert">
      <p>{error.message}</p>
      {error instanceof ApiProblem && error.errors.length > 0 && (
        <ul>
          {error.errors.map(({ pointer, detail }) => (
            <li key={pointer + detail}>
              <code>{pointer}</code> {detail}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
