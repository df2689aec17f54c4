import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { apiPath, rulePath } from '../../addresses/paths.js';
import { ruleVersionQuery, ruleVersionsQuery } from '../../api/rule-queries.js';
import { Age } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { ProblemNotice } from '../../elements/notices.js';
import { Panel } from '../../elements/panel.js';
import { diffLines, ruleText } from './rule-text.js';
import type { SchemaNode } from './schema-completion.js';

/** The versions of a rule; one of them can be compared with the version in force, and restored through the editor. */
export function VersionsPanel({
  fleet,
  rule,
  inForce,
  shown,
  schema,
  onRestore,
}: {
  fleet: string;
  rule: string;
  inForce: { readonly version: number; readonly text: string };
  /** The version to compare; 0 for none. */
  shown: number;
  schema: SchemaNode;
  onRestore: (text: string) => void;
}) {
  const { data, error } = useQuery(ruleVersionsQuery(fleet, rule));
  const versions = data?.versions ?? [];
  const chosen = useQuery(ruleVersionQuery(fleet, rule, shown));
  const document = chosen.data?.rule;
  const path = apiPath('fleets', fleet, 'rules', rule, 'versions');
  return (
    <Panel title="Versions" aside={<CopyButton label="Copy as curl" text={() => curl('GET', path)} />}>
      {error !== null && <ProblemNotice error={error} what="the versions" />}
      <ol className="versions">
        {versions.map(({ version, changedAt, deleted }) => (
          <li key={version} aria-current={version === shown ? 'true' : undefined}>
            <Link
              href={rulePath(fleet, rule, version === inForce.version ? '' : `?version=${version}`)}
              replace
            >
              version {version}
            </Link>
            {version === inForce.version && <span className="muted">in force</span>}
            {deleted && <span className="muted">deleted</span>}
            {changedAt !== undefined && <Age at={Date.parse(changedAt)} />}
          </li>
        ))}
      </ol>
      {chosen.error !== null && <ProblemNotice error={chosen.error} what={`version ${shown}`} />}
      {chosen.data !== undefined && document === undefined && (
        <p className="panel-text muted">With version {shown} the rule was deleted.</p>
      )}
      {document !== undefined && shown !== inForce.version && (
        <div className="panel-text">
          <h3>
            From version {shown} to version {inForce.version}
          </h3>
          <pre className="line-diff" tabIndex={0}>
            {diffLines(ruleText(document, schema), inForce.text).map(({ kind, text }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity
              <span key={index} data-kind={kind}>
                {`${{ same: ' ', removed: '-', added: '+' }[kind]} ${text}\n`}
              </span>
            ))}
          </pre>
          <div className="actions">
            <button
              type="button"
              className="button small"
              onClick={() => onRestore(ruleText(document, schema))}
            >
              Restore in the editor
            </button>
            <span className="muted">Then compare and save it.</span>
          </div>
        </div>
      )}
    </Panel>
  );
}
