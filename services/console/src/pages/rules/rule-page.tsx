import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import { apiPath, commandsPath, rulePath, rulesPath } from '../../addresses/paths.js';
import { ruleQuery, ruleSchemaQuery, ruleStatesQuery, switchRule } from '../../api/rule-queries.js';
import { ActionButton } from '../../elements/action-button.js';
import { Age } from '../../elements/age.js';
import { CopyButton, curl } from '../../elements/copy.js';
import { NeedsScope } from '../../elements/needs-scope.js';
import { Loading, ProblemNotice } from '../../elements/notices.js';
import { Panel } from '../../elements/panel.js';
import { Votes } from '../../elements/trace.js';
import { useLive } from '../../live/live-context.js';
import { useRefresh } from '../../live/use-refresh.js';
import { RuleEditor } from './rule-editor.js';
import { ruleText } from './rule-text.js';
import { RaisedShare } from './rules-page.js';
import type { SchemaNode } from './schema-completion.js';
import { VersionsPanel } from './versions-panel.js';

/** One rule: its editor, states, votes and versions. */
export default function RulePage({ id }: { id: string }) {
  const { fleet } = useLive();
  const { data: stored, error } = useQuery(ruleQuery(fleet, id));
  const schema = useQuery(ruleSchemaQuery).data as SchemaNode | undefined;
  const states = useQuery(ruleStatesQuery(fleet)).data?.rules.find(({ rule }) => rule === id);
  const [query] = useSearchParams();
  const [, navigate] = useLocation();
  const [edited, setEdited] = useState<string>();
  useRefresh(
    ({ type, rule }) => type === 'rule' && (rule === undefined || rule === id),
    ruleQuery(fleet, id).queryKey,
  );
  if (stored === undefined || schema === undefined)
    return error === null ? <Loading what="the rule" /> : <ProblemNotice error={error} what={`rule ${id}`} />;
  const { version, enabled, changedAt, lastError, rule } = stored;
  const inForce = rule === undefined ? '' : ruleText(rule, schema);
  const path = apiPath('fleets', fleet, 'rules', id);
  return (
    <div className="page">
      <header className="page-header">
        <div>
          <Link className="back" href={rulesPath(fleet)}>
            Rules
          </Link>
          <h1 className="name">{id}</h1>
        </div>
        <ul className="facts">
          <li>{enabled ? 'enabled' : 'disabled'}</li>
          <li>
            version {version} {changedAt !== undefined && <Age at={Date.parse(changedAt)} />}
          </li>
          {rule?.description !== undefined && <li className="name">{rule.description}</li>}
        </ul>
        <div className="actions">
          <NeedsScope scope="rules">
            <ActionButton
              label={enabled ? 'Disable' : 'Enable'}
              run={() => switchRule(fleet, id, !enabled)}
              curl={() => curl('POST', `${path}/${enabled ? 'disable' : 'enable'}`)}
              isDanger={enabled}
            />
          </NeedsScope>
        </div>
      </header>
      <div className="columns">
        <div className="column">
          <RuleEditor
            text={edited ?? inForce}
            onChange={setEdited}
            version={version}
            onSaved={() => {
              setEdited(undefined);
              navigate(rulePath(fleet, id), { replace: true });
            }}
          />
        </div>
        <div className="column">
          <Panel title="State" aside={<CopyButton label="Copy as curl" text={() => curl('GET', path)} />}>
            <div className="panel-text rule-state">
              {states === undefined ? (
                <p className="muted">{enabled ? 'No verdict yet.' : 'A disabled rule has no verdict.'}</p>
              ) : (
                <p>
                  Raised on <RaisedShare states={states} isQuorum={rule?.quorum !== undefined} />
                </p>
              )}
              {states?.tally !== undefined && <Votes tally={states.tally} />}
              <p>
                <Link href={commandsPath(fleet, `?rule=${encodeURIComponent(id)}`)}>Its open commands</Link>
              </p>
              {lastError !== undefined && (
                <p className="rule-error">
                  ! {lastError.message}
                  {lastError.device !== undefined && ` on ${lastError.device}`}
                  {lastError.at !== undefined && (
                    <>
                      , <Age at={Date.parse(lastError.at)} />
                    </>
                  )}
                  , {lastError.count} in all
                </p>
              )}
            </div>
          </Panel>
          <VersionsPanel
            fleet={fleet}
            rule={id}
            inForce={{ version, text: inForce }}
            shown={Number(query.get('version') ?? 0)}
            schema={schema}
            onRestore={setEdited}
          />
        </div>
      </div>
    </div>
  );
}
