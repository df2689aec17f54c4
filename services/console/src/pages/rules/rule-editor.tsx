import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useMemo, useState } from 'react';
import { apiPath } from '../../addresses/paths.js';
import { useMay } from '../../api/rights.js';
import { compareRule, type RuleDraft, ruleSchemaQuery, saveRule } from '../../api/rule-queries.js';
import { ProblemText } from '../../elements/action-button.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { Loading } from '../../elements/notices.js';
import { Panel } from '../../elements/panel.js';
import { useLive } from '../../live/live-context.js';
import { measurementsOf } from '../../live/measurements.js';
import { DiffPanel } from './diff-panel.js';
import { DryRunPanel } from './dry-run-panel.js';
import { type RuleProblem, schemaProblems, serverProblems } from './rule-problems.js';
import { parseRuleText } from './rule-text.js';
import type { SchemaNode } from './schema-completion.js';

const CodeEditor = lazy(() => import('./code-editor.js'));

interface RuleEditorProps {
  readonly text: string;
  readonly onChange: (text: string) => void;
  /** The version in force; 0 for a new rule. */
  readonly version: number;
  readonly onSaved: (rule: string) => void;
}

/** Edits a rule: it can be saved only after it was compared with the version in force. */
export function RuleEditor({ text, onChange, version, onSaved }: RuleEditorProps) {
  const { fleet, states } = useLive();
  const queries = useQueryClient();
  const mayWrite = useMay('rules');
  const schema = useQuery(ruleSchemaQuery).data as SchemaNode | undefined;
  const [problems, setProblems] = useState<readonly RuleProblem[]>([]);
  const [release, setRelease] = useState(false);
  const draft = useMemo(() => parseRuleText(text), [text]);
  const rule = typeof draft === 'string' ? undefined : draft;

  const check = useCallback(
    async (checked: string) => {
      const found = await problemsOf(fleet, schema ?? {}, checked);
      setProblems(found);
      return found;
    },
    [fleet, schema],
  );
  const compare = useMutation({
    mutationFn: async (candidate: RuleDraft) => {
      const body = { candidate, devices: '*' as const, release, ...(version === 0 && { version: 0 }) };
      return { text, release, diff: await compareRule(fleet, candidate.id, body) };
    },
  });
  const save = useMutation({
    mutationFn: (candidate: RuleDraft) => saveRule(fleet, candidate, version, release),
    onSuccess: async ({ id }) => {
      compare.reset();
      await queries.invalidateQueries();
      onSaved(id);
    },
  });
  const isCompared = compare.data?.text === text && compare.data.release === release;
  const path = apiPath('fleets', fleet, 'rules', rule?.id ?? '');
  return (
    <>
      <Panel title={version === 0 ? 'New rule' : `Rule, from version ${version}`}>
        {schema === undefined ? (
          <Loading what="the schema" />
        ) : (
          <Suspense fallback={<Loading what="the editor" />}>
            <CodeEditor
              text={text}
              label="Rule as JSON"
              schema={schema}
              measurements={measurementsOf(states.devices).all}
              check={check}
              onChange={onChange}
            />
          </Suspense>
        )}
        <ul className="rule-problems" aria-label="Problems" aria-live="polite">
          {problems.map(({ pointer, detail, severity }) => (
            <li key={pointer + detail} data-severity={severity}>
              {severity === 'error' ? '!' : '?'} {pointer !== '' && <code>{pointer}</code>} {detail}
            </li>
          ))}
        </ul>
        <div className="editor-actions">
          <button
            type="button"
            className="button"
            disabled={rule === undefined || compare.isPending}
            onClick={() => rule !== undefined && compare.mutate(rule)}
          >
            {compare.isPending ? 'Comparing' : 'Compare'}
          </button>
          {mayWrite && (
            <button
              type="button"
              className="button primary"
              disabled={rule === undefined || !isCompared || save.isPending}
              title={
                isCompared ? '' : 'Compare first: it shows which commands the change adds, drops or moves'
              }
              onClick={() => rule !== undefined && save.mutate(rule)}
            >
              {save.isPending ? 'Saving' : version === 0 ? 'Save the rule' : `Save as version ${version + 1}`}
            </button>
          )}
          {mayWrite && version > 0 && (
            <label className="check">
              <input
                type="checkbox"
                checked={release}
                onChange={({ target }) => setRelease(target.checked)}
              />
              Release what version {version} has started
            </label>
          )}
          {rule !== undefined && (
            <CopyButton
              label="Copy as curl"
              text={() =>
                curl('PUT', path + (release ? '?release=true' : ''), rule, {
                  ...(version === 0 ? { 'If-None-Match': '*' } : { 'If-Match': `"${version}"` }),
                })
              }
            />
          )}
        </div>
        {save.error !== null && <ProblemText error={save.error} />}
        {compare.error !== null && <ProblemText error={compare.error} />}
      </Panel>
      {compare.data !== undefined && <DiffPanel diff={compare.data.diff} isCurrent={isCompared} />}
      {rule !== undefined && <DryRunPanel fleet={fleet} rule={rule} />}
    </>
  );
}

/** Problems in the text, in the schema, or else from the server, since each makes the next ones meaningless. */
async function problemsOf(fleet: string, schema: SchemaNode, text: string): Promise<readonly RuleProblem[]> {
  const rule = parseRuleText(text);
  if (typeof rule === 'string') return [{ pointer: '', detail: rule, severity: 'error' }];
  const found = schemaProblems(schema, rule);
  return found.length > 0 ? found : serverProblems(fleet, rule);
}
