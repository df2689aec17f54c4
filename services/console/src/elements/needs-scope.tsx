import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { currentKeyQuery, type Scope, useMay } from '../api/rights.js';

/** Shows what the key may do, and otherwise which scope it lacks. */
export function NeedsScope({
  scope,
  what,
  children,
}: {
  scope: Scope;
  /** As in "To send commands": absent if nothing is shown instead. */
  what?: string;
  children: ReactNode;
}) {
  const isAllowed = useMay(scope);
  const { data } = useQuery(currentKeyQuery);
  if (isAllowed) return children;
  if (what === undefined || data === undefined) return null;
  return (
    <p className="panel-text muted">
      To {what}, sign in with a key that has scope <code>{scope}</code>; yours has{' '}
      <code>{data.scopes.join(', ')}</code>.
    </p>
  );
}
