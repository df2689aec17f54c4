import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { type Diagnostic, linter } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';
import { TYPING_PAUSE_MS } from '../../elements/use-settled.js';
import { placeOf } from './json-places.js';
import type { RuleProblem } from './rule-problems.js';
import { type SchemaNode, schemaCompletion } from './schema-completion.js';

const COLOURS = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--accent)' },
  { tag: tags.string, color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--warn)' },
]);

const THEME = EditorView.theme({
  '&': { fontSize: '13px', backgroundColor: 'var(--surface)', color: 'var(--text)' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5', maxHeight: '60vh' },
  '.cm-content': { caretColor: 'var(--text)', padding: '8px 0' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--muted)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--sunken)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  // The usual marks are images in data: URLs, which the Content-Security-Policy forbids.
  '.cm-lintRange': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--bad)',
    textDecorationSkipInk: 'none',
  },
  '.cm-lintRange-warning': { textDecorationColor: 'var(--warn)' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', color: 'var(--text)', border: '1px solid var(--line)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    backgroundColor: 'var(--accent)',
    color: 'var(--on-accent)',
  },
});

interface EditorProps {
  readonly text: string;
  readonly label: string;
  readonly schema: SchemaNode;
  readonly measurements: readonly string[];
  /** All problems in the text; a problem at '' is shown at the beginning. */
  readonly check: (text: string) => Promise<readonly RuleProblem[]>;
  readonly onChange: (text: string) => void;
}

/**
 * Edits a JSON document. It is in a shadow root: there the editor adds its styles without a style element, which the
 * Content-Security-Policy forbids.
 */
export default function CodeEditor({ text, label, schema, measurements, check, onChange }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ measurements, check, onChange });
  latest.current = { measurements, check, onChange };

  // biome-ignore lint/correctness/useExhaustiveDependencies: a later text replaces the document below
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const created = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          history(),
          highlightActiveLine(),
          bracketMatching(),
          closeBrackets(),
          indentUnit.of('  '),
          json(),
          syntaxHighlighting(COLOURS),
          THEME,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label }),
          // Tab is not captured: it leaves the editor.
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...historyKeymap]),
          autocompletion({
            override: [schemaCompletion(schema, () => latest.current.measurements)],
            icons: false,
          }),
          linter((editor) => diagnostics(editor, latest.current.check), { delay: TYPING_PAUSE_MS }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            if (docChanged) latest.current.onChange(state.doc.toString());
          }),
        ],
      }),
    });
    view.current = created;
    return () => created.destroy();
  }, [schema, label]);

  useEffect(() => {
    const editor = view.current;
    if (editor === undefined || editor.state.doc.toString() === text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);
  return <div className="code-editor" ref={host} />;
}

async function diagnostics({ state }: EditorView, check: EditorProps['check']): Promise<Diagnostic[]> {
  const problems = await check(state.doc.toString());
  return problems.map(({ pointer, detail, severity }) => ({
    ...placeOf(state, pointer),
    severity,
    message: detail,
  }));
}
