import type { ReactNode } from 'react';

/** A table that scrolls sideways on a narrow page. */
export function ListTable({
  label,
  heads,
  className = '',
  children,
}: {
  label: string;
  heads: readonly string[];
  className?: string;
  /** Its rows. */
  children: ReactNode;
}) {
  return (
    <div className={`list-scroller ${className}`} role="region" aria-label={label} tabIndex={0}>
      <table className="list">
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
