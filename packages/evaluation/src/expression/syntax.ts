import type { ASTNode } from '@marcbachmann/cel-js';
import { ExpressionInvalid } from './errors.js';

/** How tightly an operator binds; what is not listed binds most tightly. */
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

/** The loops of CEL. The library unrolls them when it parses; they end, as lists do. */
export const LOOPS: readonly string[] = ['all', 'exists', 'exists_one', 'filter', 'map'];

/** Where anything may stand without parentheses. */
export const WHOLE = 1;

/** A literal of the source as one of the evaluation language. @throws ExpressionInvalid */
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
      throw new ExpressionInvalid('numbers are written as 300 or 0.5, texts in quotes', at);
  }
}

/** The nodes directly below a node. */
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

/** A node and all below it. */
export function allNodes(root: ASTNode): ASTNode[] {
  const nodes = [root];
  for (const node of nodes) nodes.push(...childrenOf(node));
  return nodes;
}

/** Steps that one turn of a loop takes, besides those that are counted where they are made. Functions may search a text. */
export function loopCost(body: readonly ASTNode[]): number {
  const steps = body.flatMap(allNodes).map(({ op }) => (op === 'call' || op === 'rcall' ? 16 : 1));
  return steps.reduce<number>((sum, each) => sum + each, 0);
}
