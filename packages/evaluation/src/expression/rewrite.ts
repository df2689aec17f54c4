import type { ASTNode } from '@marcbachmann/cel-js';
import { ExpressionInvalid } from './errors.js';
import { functionNamed, mathNamed, methodNamed, windowUse } from './functions.js';
import { misnamed } from './mistakes.js';
import { allNodes, LOOPS, literalText, loopCost, PRECEDENCE, WHOLE } from './syntax.js';
import type { Variables } from './variables.js';

const MAX_NESTED_LOOPS = 2;

/** Names that cannot be used alone, and their correct use. */
const SCOPE_NAMES = {
  reading: 'reading["name"] with the name in quotes',
  last: 'last.light, or last["name"] with the name in quotes',
  device: 'device.name or device.fleet',
  window: 'window.avg("light", "10m")',
} as const;

/**
 * Rewrites an expression into the evaluation language, in which
 * - every number is a double, so 300 and 300.0 are equal, as in JSON;
 * - `last.light`, `reading["odd-name"]`, `device.name`, calls of `window` and `has(…)` are separate variables;
 * - `/` and `%` are functions that reject zero, and loops count their steps.
 */
export class Rewriter {
  /** Whether the expression has loops, and so needs a budget. */
  readonly hasLoops: boolean;
  private written = '';
  private readonly spans: { from: number; to: number; at: number }[] = [];
  private readonly items: string[] = [];

  constructor(
    root: ASTNode,
    private readonly variables: Variables,
  ) {
    this.hasLoops = allNodes(root).some(({ op, args }) => op === 'rcall' && LOOPS.includes(args[0]));
    this.write(root);
  }

  get text(): string {
    return this.written;
  }

  /** The offset in the source of an offset in the rewritten text, characters from 0. */
  placeOf(offset: number): number | undefined {
    return this.spans.find(({ from, to }) => from <= offset && offset < to)?.at;
  }

  private write(node: ASTNode, outside = WHOLE): void {
    const from = this.written.length;
    const isWrapped = (PRECEDENCE[node.op] ?? 9) < outside;
    if (isWrapped) this.written += '(';
    this.writeBare(node);
    if (isWrapped) this.written += ')';
    this.spans.push({ from, to: this.written.length, at: node.start });
  }

  private writeBare(node: ASTNode): void {
    switch (node.op) {
      case 'value':
        this.written += literalText(node.args, node.start);
        return;
      case 'id':
        this.writeName(node.args, node.start);
        return;
      case '!_':
      case '-_':
        this.written += node.op[0];
        this.write(node.args, 8);
        return;
      case '?:':
        this.write(node.args[0], 2);
        this.written += ' ? ';
        this.write(node.args[1]);
        this.written += ' : ';
        this.write(node.args[2]);
        return;
      case '.':
        if (this.writeOfScope(node.args[0], node.args[1], node.start)) return;
        this.write(node.args[0], 9);
        this.written += `.${node.args[1]}`;
        return;
      case '[]':
        this.writeIndex(node.args[0], node.args[1], node.start);
        return;
      case 'list':
        this.written += '[';
        this.writeAll(node.args);
        this.written += ']';
        return;
      case 'call':
        this.writeCall(node.args[0], node.args[1], node.start);
        return;
      case 'rcall':
        this.writeMethod(node.args[0], node.args[1], node.args[2], node.start);
        return;
      case '/':
        this.writeFunction('_quotient', node.args);
        return;
      case '%':
        this.writeFunction('_remainder', node.args);
        return;
      case '.?':
      case '[?]':
      case 'map':
        throw new ExpressionInvalid('object literals are not supported', node.start);
      default: {
        if (this.hasLoops && isCounted(node)) {
          this.writeCounted(node);
          return;
        }
        expectNoNumberInQuotes(node);
        const precedence = PRECEDENCE[node.op]!;
        this.write(node.args[0], precedence);
        this.written += ` ${node.op} `;
        this.write(node.args[1], precedence + 1);
      }
    }
  }

  private writeCounted(node: Counted): void {
    if (node.op === '!=') this.written += '!';
    this.writeFunction(node.op === '+' ? '_sum' : node.op === 'in' ? '_in' : '_same', node.args);
  }

  private writeAll(nodes: readonly ASTNode[]): void {
    for (const [i, node] of nodes.entries()) {
      if (i > 0) this.written += ', ';
      this.write(node);
    }
  }

  private writeFunction(name: string, args: readonly ASTNode[]): void {
    this.written += `${name}(`;
    this.writeAll(args);
    this.written += ')';
  }

  private writeName(name: string, at: number): void {
    if (this.items.includes(name)) this.written += name;
    else if (isScopeName(name)) throw this.cannotBeUsedAlone(name, at);
    else this.written += this.variables.named(name, at);
  }

  /** Writes `reading.light`, `last.light` or `device.name`. False if `of` is another name. */
  private writeOfScope(of: ASTNode, name: string, at: number): boolean {
    if (of.op !== 'id' || this.items.includes(of.args) || !isScopeName(of.args)) return false;
    if (of.args === 'reading') this.written += this.variables.ofReading(name, at);
    else if (of.args === 'last') this.written += this.variables.ofLast(name, at);
    else if (of.args === 'device') this.written += this.variables.ofDevice(name, at);
    else throw this.cannotBeUsedAlone(of.args, at);
    return true;
  }

  private writeIndex(of: ASTNode, index: ASTNode, at: number): void {
    const literal = index.op === 'value' ? index.args : undefined;
    if (typeof literal === 'string' && this.writeOfScope(of, literal, at)) return;
    this.write(of, 9);
    this.written += '[';
    // Lists are indexed only by integers.
    if (typeof literal === 'bigint') this.written += String(literal);
    else this.write(index);
    this.written += ']';
  }

  private writeCall(name: string, args: readonly ASTNode[], at: number): void {
    const meant = misnamed(name);
    if (meant !== undefined) throw new ExpressionInvalid(meant, at);
    if (name === 'has' && args.length === 1) this.writeHas(args[0]!);
    else this.writeFunction(functionNamed(name, at), args);
  }

  private writeHas(field: ASTNode): void {
    const { op, args, start } = field;
    if (op === 'id' && !this.items.includes(args) && !isScopeName(args))
      this.written += this.variables.presence('reading', args, start);
    else if (op === '.' && args[0].op === 'id' && (args[0].args === 'reading' || args[0].args === 'last'))
      this.written += this.variables.presence(args[0].args, args[1], start);
    else if (op === '.' && isPath(field)) this.writeFunction('has', [field]);
    else throw new ExpressionInvalid('has() takes a name, as in has(light) or has(room.light)', start);
  }

  private writeMethod(name: string, of: ASTNode, args: readonly ASTNode[], at: number): void {
    const namespace = of.op === 'id' && !this.items.includes(of.args) ? of.args : undefined;
    if (namespace === 'window') {
      this.variables.allow('window', at);
      this.written += this.variables.ofWindow(windowUse(name, args, at), args[0]!.start);
    } else if (namespace === 'math') this.writeFunction(mathNamed(name, at), args);
    else if (LOOPS.includes(name)) this.writeLoop(name, of, args, at);
    else if (name === 'size' && args.length === 0) this.writeFunction('_size', [of]);
    else {
      const method = methodNamed(name, at);
      this.write(of, 9);
      this.written += '.';
      this.writeFunction(method, args);
    }
  }

  /** `items.exists(item, item > 3)` becomes `items.exists(item, _step(3.0) ? item > 3.0 : false)`. */
  private writeLoop(name: string, of: ASTNode, args: readonly ASTNode[], at: number): void {
    const [item, first, second, ...more] = args;
    if (
      item?.op !== 'id' ||
      first === undefined ||
      (second !== undefined && name !== 'map') ||
      more.length > 0
    )
      throw new ExpressionInvalid(
        `${name}() takes a variable and an expression for each item: items.${name}(item, …)`,
        at,
      );
    if (isScopeName(item.args) || item.args === 'value' || item.args.startsWith('_'))
      throw new ExpressionInvalid(`'${item.args}' cannot be used as a loop variable`, item.start);
    if (this.items.length === MAX_NESTED_LOOPS)
      throw new ExpressionInvalid(`${LOOPS.join(', ')} can be nested at most ${MAX_NESTED_LOOPS} deep`, at);
    this.write(of, 9);
    this.written += `.${name}(${item.args}, _step(${loopCost(args.slice(1))}.0)`;
    this.items.push(item.args);
    const isFilter = name !== 'map' || second !== undefined;
    this.written += isFilter ? ' ? ' : ', ';
    this.write(first);
    if (isFilter) this.written += ' : false';
    if (second !== undefined) {
      this.written += ', ';
      this.write(second);
    }
    this.items.pop();
    this.written += ')';
  }

  private cannotBeUsedAlone(name: keyof typeof SCOPE_NAMES, at: number): ExpressionInvalid {
    if (name !== 'reading') this.variables.allow(name, at);
    return new ExpressionInvalid(`'${name}' cannot be used alone; use ${SCOPE_NAMES[name]}`, at);
  }
}

function isScopeName(name: string): name is keyof typeof SCOPE_NAMES {
  return Object.hasOwn(SCOPE_NAMES, name);
}

/** Rejects `light < "300"`: a measurement can be a string, but a number in quotes is probably a mistake. @throws ExpressionInvalid */
function expectNoNumberInQuotes({ op, args }: ASTNode): void {
  if (!['<', '<=', '>', '>='].includes(op)) return;
  for (const side of args as readonly ASTNode[]) {
    const literal = side.op === 'value' ? side.args : undefined;
    if (typeof literal === 'string' && /^\s*[-+]?\d+([.,]\d+)?\s*$/.test(literal))
      throw new ExpressionInvalid(
        `'${op}' cannot compare the string ${JSON.stringify(literal)}: use ${literal.trim()} without quotes`,
        side.start,
      );
  }
}

type Counted = Extract<ASTNode, { op: '+' | '==' | '!=' | 'in' }>;

/** Operators whose cost depends on their operands; in expressions with loops they become functions that count it. */
function isCounted(node: ASTNode): node is Counted {
  return node.op === '+' || node.op === '==' || node.op === '!=' || node.op === 'in';
}

/** Whether a node has the form `a.b.c`. */
function isPath(node: ASTNode): boolean {
  return node.op === 'id' || (node.op === '.' && isPath(node.args[0]));
}
