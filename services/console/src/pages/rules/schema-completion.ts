import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { syntaxTree } from '@codemirror/language';
import { namesAround, textOf } from './json-places.js';

/** The parts of a JSON Schema that completion uses. */
export interface SchemaNode {
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly anyOf?: readonly SchemaNode[];
}

/** Fields whose text is a CEL condition. */
const CONDITIONS = ['when', 'clear', 'expect'];

/** Completes names and values from a schema, and measurements within conditions. */
export function schemaCompletion(schema: SchemaNode, measurements: () => readonly string[]) {
  return (context: CompletionContext): CompletionResult | null => {
    const { state, pos } = context;
    const node = syntaxTree(state).resolveInner(pos, -1);
    const names = namesAround(state, node);
    if (node.name === 'String' && CONDITIONS.includes(names.at(-1) ?? '')) {
      const word = context.matchBefore(/[\w.]*/);
      if (word === null || (word.from === word.to && !context.explicit)) return null;
      return { from: word.from, options: measurements().map((label) => ({ label, type: 'variable' })) };
    }
    if (node.name === 'PropertyName') {
      const used = node.parent?.parent?.getChildren('Property') ?? [];
      const others = used.flatMap((property) => {
        const label = property.getChild('PropertyName');
        return label === null || label.from === node.from ? [] : [textOf(state, label)];
      });
      return {
        from: node.from,
        to: node.to,
        options: nameOptions(nodeAt(schema, names.slice(0, -1)), others, !hasValue(node)),
      };
    }
    const word = context.matchBefore(/"?[\w-]*/);
    if (word === null || (word.from === word.to && !context.explicit)) return null;
    if (node.name === 'Object' || node.name === '⚠') {
      const object = node.name === 'Object' ? node : node.parent;
      const isValue = object?.name === 'Property';
      if (isValue) return { from: word.from, options: valueOptions(nodeAt(schema, names)) };
      const used = object?.getChildren('Property') ?? [];
      const others = used.flatMap((property) => {
        const label = property.getChild('PropertyName');
        return label === null ? [] : [textOf(state, label)];
      });
      return { from: word.from, options: nameOptions(nodeAt(schema, names), others, true) };
    }
    if (node.name === 'String' || node.name === 'Property' || node.name === 'False' || node.name === 'True')
      return {
        from: node.name === 'Property' ? word.from : node.from,
        to: node.name === 'Property' ? pos : node.to,
        options: valueOptions(nodeAt(schema, names)),
      };
    return null;
  };
}

function hasValue(label: { nextSibling: unknown }): boolean {
  return label.nextSibling !== null;
}

/** The schema of the value at a path of names. */
function nodeAt(schema: SchemaNode, names: readonly string[]): SchemaNode | undefined {
  return names.reduce<SchemaNode | undefined>((node, name) => {
    const own = node?.properties?.[name];
    return own ?? node?.anyOf?.find(({ properties }) => properties?.[name] !== undefined)?.properties?.[name];
  }, schema);
}

function nameOptions(node: SchemaNode | undefined, used: readonly string[], isNew: boolean): Completion[] {
  return Object.entries(node?.properties ?? {})
    .filter(([name]) => !used.includes(name))
    .map(([name, { description, default: usual, type }]) => ({
      label: `"${name}"`,
      apply: isNew
        ? `"${name}": ${usual === undefined ? emptyOf(type) : JSON.stringify(usual)}`
        : `"${name}"`,
      type: 'property',
      ...(description !== undefined && { info: description }),
    }));
}

function emptyOf(type: string | undefined): string {
  const empty: Readonly<Record<string, string>> = {
    object: '{}',
    array: '[]',
    string: '""',
    boolean: 'true',
  };
  return empty[type ?? ''] ?? '';
}

function valueOptions(node: SchemaNode | undefined): Completion[] {
  if (node === undefined) return [];
  const values = [
    ...(node.enum ?? []),
    ...(node.const === undefined ? [] : [node.const]),
    ...(node.type === 'boolean' ? [true, false] : []),
    ...(node.default === undefined ? [] : [node.default]),
  ];
  const own = [...new Set(values.map((value) => JSON.stringify(value)))];
  return [...own.map((label) => ({ label, type: 'enum' })), ...(node.anyOf ?? []).flatMap(valueOptions)];
}
