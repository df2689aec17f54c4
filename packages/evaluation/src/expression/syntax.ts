import type { ASTNode } from '@marcbachmann/cel-js';
import { ExpressionInvalid } from './errors.js';

/** The precedence of operators; any other node has the highest. */
export const PRECEDENCE: Readonly<Partial<Record<ASTNode['op'], number>>> = {
  '?:': 1,
  '||': 2,
  '&&': 3,
  '==': 4,
  '!=': 4,
  '<': 5,
  '<=': 5,
  '>': 5,
  '>=': 5,
  in: 5,
  '+': 6,
  '-': 6,
  '*': 7,
  '!_': 8,
  '-_': 8,
};

/** The loops of CEL (macros over lists). */
export const LOOPS: readonly string[] = ['all', 'exists', 'exists_one', 'filter', 'map'];

/** The precedence at which no operator needs parentheses. */
export const WHOLE = 1;

/** The literal in the evaluation language. @throws ExpressionInvalid */
export function literalText(value: unknown, at: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    case 'bigint':
    case 'number': {
      const digits = String(Number(value));
      if (digits === 'Infinity') throw new ExpressionInvalid('the number is too large', at);
      return /[.e]/.test(digits) ? digits : `${digits}.0`;
    }
    default:
      if (value === null) return 'null';
      throw new ExpressionInvalid(
        'unsupported literal; use numbers such as 300 or 0.5, and strings in quotes',
        at,
      );
  }
}

/** The direct children of a node. */
function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '!_':
    case '-_':
      return [node.args];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    default:
      return node.args;
  }
}

/** A node and all its descendants. */
export function allNodes(root: ASTNode): ASTNode[] {
  const nodes = [root];
  for (const node of nodes) nodes.push(...childrenOf(node));
  return nodes;
}

/** Steps of one iteration of a loop, without those that counted operators add. Functions cost more, as they can search a string. */
export function loopCost(body: readonly ASTNode[]): number {
  const steps = body.flatMap(allNodes).map(({ op }) => (op === 'call' || op === 'rcall' ? 16 : 1));
  return steps.reduce<number>((sum, each) => sum + each, 0);
}
