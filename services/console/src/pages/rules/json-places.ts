import { syntaxTree } from '@codemirror/language';
import type { EditorState } from '@codemirror/state';

type SyntaxNode = ReturnType<typeof syntaxTree>['topNode'];

export interface Place {
  readonly from: number;
  readonly to: number;
}

/** Where the value of a JSON pointer is in the text; of a missing value, its nearest parent's name or first line. */
export function placeOf(state: EditorState, pointer: string): Place {
  let node: SyntaxNode | null = syntaxTree(state).topNode.firstChild;
  let named: Place | undefined;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const child: { value: SyntaxNode | null; label: Place } | undefined =
      node === null ? undefined : childOf(state, node, name);
    if (child === undefined) return named ?? firstLine(state);
    named = child.label;
    node = child.value;
  }
  return node === null || node.name === 'Object'
    ? (named ?? firstLine(state))
    : { from: node.from, to: node.to };
}

function firstLine(state: EditorState): Place {
  const { from, to } = state.doc.line(1);
  return { from, to };
}

function childOf(state: EditorState, node: SyntaxNode, name: string) {
  if (node.name === 'Array') {
    const items = childrenOf(node).filter(({ name: type }) => !/^[[\],]$/.test(type));
    const item = items[Number(name)];
    return item && { value: item, label: { from: item.from, to: item.to } };
  }
  for (const property of node.getChildren('Property')) {
    const label = property.getChild('PropertyName');
    if (label === null || textOf(state, label) !== name) continue;
    const last = property.lastChild;
    return { value: last === label ? null : last, label: { from: label.from, to: label.to } };
  }
  return undefined;
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

/** The text of a JSON string. */
export function textOf(state: EditorState, node: SyntaxNode): string {
  return state.sliceDoc(node.from + 1, node.to - 1);
}

/** The names of the properties that contain a node, outermost first. */
export function namesAround(state: EditorState, node: SyntaxNode): string[] {
  const names: string[] = [];
  for (let each: SyntaxNode | null = node; each !== null; each = each.parent) {
    if (each.name !== 'Property') continue;
    const label = each.getChild('PropertyName');
    if (label !== null) names.unshift(textOf(state, label));
  }
  return names;
}
