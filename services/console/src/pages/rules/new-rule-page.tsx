import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { rulePath, rulesPath } from '../../addresses/paths.js';
import { useLive } from '../../live/live-context.js';
import { RuleEditor } from './rule-editor.js';
import { NEW_RULE } from './rule-text.js';
import './rules.css';

/** The editor of a rule that does not exist yet. */
export default function NewRulePage() {
  const { fleet } = useLive();
  const [, navigate] = useLocation();
  const [text, setText] = useState(NEW_RULE);
  return (
    <div className="page">
      <header className="page-header">
        <div>
          <Link className="back" href={rulesPath(fleet)}>
            Rules
          </Link>
          <h1>New rule</h1>
        </div>
      </header>
      <RuleEditor
        text={text}
        onChange={setText}
        version={0}
        onSaved={(id) => navigate(rulePath(fleet, id))}
      />
    </div>
  );
}
