import type { ReactNode } from 'react';
import { ApiProblem } from '../api/problem.js';

export function Loading({ what }: { what: string }) {
  return (
    <div className="notice" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>Loading {what}</p>
    </div>
  );
}

/** @param what the resource that could not be read */
export function ProblemNotice({ error, what }: { error: Error; what: string }) {
  const isMissing = error instanceof ApiProblem && error.status === 404;
  return (
    <div className="notice bad" role="alert">
      <h2>{isMissing ? 'Not found' : `Cannot read ${what}`}</h2>
      <p>{error.message}</p>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="notice">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
