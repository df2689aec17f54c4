import { durationMs } from '@lamplighter/contracts/duration';
import { RULE_BOUNDS } from '@lamplighter/contracts/rule';
import type { TelemetrySchema } from '@lamplighter/contracts/telemetry-schema';
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Scope, ScopeVariable } from './expression.js';
import { ExpressionInvalid } from './expression-errors.js';
import { evaluationLanguage } from './expression-language.js';
import { allNodes, literalText, loopCost, PRECEDENCE, WHOLE } from './expression-syntax.js';
import { didYouMean } from './suggest.js';

/** Functions of `window`: what of a measurement, over which time. `rate` is per second. */
export const WINDOW_FUNCTIONS = [
  'avg',
  'min',
  'max',
  'sum',
  'count',
  'stddev',
  'delta',
  'rate',
  'zscore',
] as const;
export type WindowFunction = (typeof WINDOW_FUNCTIONS)[number];

/** One use of a window in an expression: `window.avg("light", "10m")`. */
export interface WindowUse {
  readonly fn: WindowFunction;
  readonly measurement: string;
  readonly ms: number;
}

/** A variable of the rewritten text, and where its value comes from. */
export interface Variable {
  readonly name: string;
  readonly type: 'double' | 'bool' | 'string' | 'dyn';
  /** `plain`: a measurement of the reading under its own name. `lazy`: costs more than a look. */
  readonly kind: 'plain' | 'other' | 'lazy';
  readonly read: (scope: Scope) => unknown;
}

// What people may call, and what becomes of it. Everything else of CEL is refused: it is not needed, or has no bound.
const FUNCTIONS: Readonly<Record<string, string>> = {
  size: '_size',
  int: '_int',
  double: 'double',
  string: 'string',
};
const MATH: Readonly<Record<string, string>> = {
  abs: '_abs',
  floor: '_floor',
  ceil: '_ceil',
  round: '_round',
  sqrt: '_sqrt',
  least: '_least',
  greatest: '_greatest',
};
const METHODS = ['contains', 'startsWith', 'endsWith'];
const LOOPS = ['all', 'exists', 'exists_one', 'filter', 'map'];
const MAX_NESTED_LOOPS = 2;
const CEL_TYPE = { number: 'double', boolean: 'bool', string: 'string', object: 'dyn' } as const;

/**
 * Rewrites an expression into the evaluation language. There
 * - every number is a double, so 300 and 300.0 are alike, as they are in JSON;
 * - `last.light`, `reading["odd-name"]`, `device.name`, a call of `window` and `has(…)` are variables of their own, with types from
 *   the telemetry schema;
 * - `/` and `%` are functions that refuse zero, and loops count their steps.
 */
export class Rewriter {
  readonly variables = new Map<string, Variable>();
  readonly names = new Set<string>();
  readonly windows: WindowUse[] = [];
  usesLast = false;
  private text = '';
  private readonly spans: { from: number; to: number; at: number }[] = [];
  private readonly bound: string[] = [];
  private readonly loops: boolean;

  constructor(
    root: ASTNode,
    private readonly allowed: readonly ScopeVariable[],
    private readonly schema: TelemetrySchema | undefined,
  ) {
    this.loops = allNodes(root).some(({ op, args }) => op === 'rcall' && LOOPS.includes(args[0]));
    this.print(root);
  }

  get result(): string {
    return this.text;
  }

  /** Whether the expression has loops, and so needs a budget. */
  get hasLoops(): boolean {
    return this.loops;
  }

  /** Where in the source a place of the result comes from, characters from 0. */
  placeOf(offset: number): number | undefined {
    return this.spans.find(({ from, to }) => from <= offset && offset < to)?.at;
  }

  private print(node: ASTNode, outside = WHOLE): void {
    const from = this.text.length;
    const isWrapped = (PRECEDENCE[node.op] ?? 9) < outside;
    if (isWrapped) this.text += '(';
    this.printBare(node);
    if (isWrapped) this.text += ')';
    this.spans.push({ from, to: this.text.length, at: node.start });
  }

  private printBare(node: ASTNode): void {
    switch (node.op) {
      case 'value':
        this.text += literalText(node.args, node.start);
        return;
      case 'id':
        return this.printName(node.args, node);
      case '!_':
      case '-_':
        this.text += node.op[0];
        return this.print(node.args, 8);
      case '?:': {
        const [condition, then, otherwise] = node.args;
        this.print(condition, 2);
        this.text += ' ? ';
        this.print(then);
        this.text += ' : ';
        return this.print(otherwise);
      }
      case '.':
        if (!this.printOfScope(node.args[0], node.args[1], node)) {
          this.print(node.args[0], 9);
          this.text += `.${node.args[1]}`;
        }
        return;
      case '[]':
        return this.printIndex(node.args[0], node.args[1], node);
      case 'list':
        this.text += '[';
        this.printAll(node.args);
        this.text += ']';
        return;
      case 'call':
        return this.printCall(node.args[0], node.args[1], node);
      case 'rcall':
        return this.printMethod(node.args[0], node.args[1], node.args[2], node);
      case '/':
        return this.printFunction('_quotient', node.args);
      case '%':
        return this.printFunction('_remainder', node.args);
      case '.?':
      case '[?]':
      case 'map':
        throw new ExpressionInvalid('objects cannot be written in an expression', node.start);
      default: {
        if (node.op === '+' && this.loops) return this.printFunction('_sum', node.args);
        const precedence = PRECEDENCE[node.op]!;
        this.print(node.args[0], precedence);
        this.text += ` ${node.op} `;
        this.print(node.args[1], precedence + 1);
      }
    }
  }

  private printAll(nodes: readonly ASTNode[]): void {
    for (const [i, node] of nodes.entries()) {
      if (i > 0) this.text += ', ';
      this.print(node);
    }
  }

  private printFunction(name: string, args: readonly ASTNode[]): void {
    this.text += `${name}(`;
    this.printAll(args);
    this.text += ')';
  }

  private printName(name: string, node: ASTNode): void {
    if (this.bound.includes(name)) this.text += name;
    else if (name === 'value' && this.allowed.includes('value'))
      this.use('value', { type: 'double', kind: 'other', read: (scope) => scope.value }, 'value');
    else if (isScopeName(name)) throw this.cannotStandAlone(name, node);
    else this.useMeasurement(name, node, evaluationLanguage.hasVariable(name) ? undefined : name);
  }

  /** `reading.light`, `last.light`, `device.name`: of what a verdict may depend on. False if `of` is none of these. */
  private printOfScope(of: ASTNode, name: string, node: ASTNode): boolean {
    if (of.op !== 'id' || this.bound.includes(of.args) || !isScopeName(of.args)) return false;
    if (of.args === 'reading') this.useMeasurement(name, node);
    else if (of.args === 'last') this.useLast(name, node);
    else if (of.args === 'device') this.useDevice(name, node);
    else throw this.cannotStandAlone(of.args, of);
    return true;
  }

  private printIndex(of: ASTNode, index: ASTNode, node: ASTNode): void {
    if (index.op === 'value' && typeof index.args === 'string' && this.printOfScope(of, index.args, node))
      return;
    this.print(of, 9);
    this.text += '[';
    // Lists are indexed by integers, and by nothing else.
    if (index.op === 'value' && typeof index.args === 'bigint') this.text += String(index.args);
    else this.print(index);
    this.text += ']';
  }

  private printCall(name: string, args: readonly ASTNode[], node: ASTNode): void {
    if (name === 'has' && args.length === 1) return this.printHas(args[0]!);
    const becomes = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (becomes === undefined) throw unknownFunction(name, [...Object.keys(FUNCTIONS), 'has'], node);
    this.printFunction(becomes, args);
  }

  private printHas(field: ASTNode): void {
    const found = measurementOf(field);
    if (found !== undefined && !(found.of === undefined && this.bound.includes(found.name))) {
      const { name, of } = found;
      this.mention(name, field);
      if (of === 'last') this.allow('last', field);
      const read: (scope: Scope) => boolean =
        of === 'last'
          ? ({ last }) => last !== undefined && Object.hasOwn(last, name)
          : ({ reading }) => Object.hasOwn(reading, name);
      this.use(`has ${of === 'last'} ${name}`, { type: 'bool', kind: 'other', read });
    } else if (field.op === '.') this.printFunction('has', [field]);
    else throw new ExpressionInvalid('has() asks for a field, as in has(reading.light)', field.start);
  }

  private printMethod(name: string, of: ASTNode, args: readonly ASTNode[], node: ASTNode): void {
    const namespace = of.op === 'id' && !this.bound.includes(of.args) ? of.args : undefined;
    if (namespace === 'window') return this.useWindow(name, args, node);
    if (namespace === 'math') {
      const becomes = Object.hasOwn(MATH, name) ? MATH[name] : undefined;
      if (becomes === undefined) throw unknownFunction(name, Object.keys(MATH), node, 'math.');
      return this.printFunction(becomes, args);
    }
    if (LOOPS.includes(name)) return this.printLoop(name, of, args, node);
    if (name === 'size' && args.length === 0) return this.printFunction('_size', [of]);
    if (name === 'matches')
      throw new ExpressionInvalid(
        'matches() is not available, as a regular expression may take forever; use contains(), startsWith() or endsWith()',
        node.start,
      );
    if (!METHODS.includes(name)) throw unknownFunction(name, [...METHODS, ...LOOPS, 'size'], node);
    this.print(of, 9);
    this.text += '.';
    this.printFunction(name, args);
  }

  private printLoop(name: string, of: ASTNode, args: readonly ASTNode[], node: ASTNode): void {
    const [variable, ...body] = args;
    if (variable?.op !== 'id' || body.length === 0 || body.length > (name === 'map' ? 2 : 1))
      throw new ExpressionInvalid(
        `${name}() needs a name and what is asked of each item: items.${name}(item, …)`,
        node.start,
      );
    const item = variable.args;
    if (isScopeName(item) || item.startsWith('_'))
      throw new ExpressionInvalid(`'${item}' cannot be the name of an item`, variable.start);
    if (this.bound.length === MAX_NESTED_LOOPS)
      throw new ExpressionInvalid(
        `${LOOPS.join(', ')} may be nested ${MAX_NESTED_LOOPS} deep at most`,
        node.start,
      );
    const step = `_step(${loopCost(body)}.0)`;
    this.print(of, 9);
    this.text += `.${name}(${item}, ${step}`;
    this.bound.push(item);
    if (name === 'map' && body.length === 1) this.text += ', ';
    else this.text += ' ? ';
    this.print(body[0]!);
    if (name !== 'map' || body.length === 2) this.text += ' : false';
    if (body.length === 2) {
      this.text += ', ';
      this.print(body[1]!);
    }
    this.bound.pop();
    this.text += ')';
  }

  private useWindow(fn: string, args: readonly ASTNode[], node: ASTNode): void {
    this.allow('window', node);
    if (!isWindowFunction(fn)) throw unknownFunction(fn, WINDOW_FUNCTIONS, node, 'window.');
    const [measurement, time, ...more] = args.map((arg) => (arg.op === 'value' ? arg.args : undefined));
    if (typeof measurement !== 'string' || typeof time !== 'string' || more.length > 0)
      throw new ExpressionInvalid(
        `window.${fn} needs a measurement and a time, both in quotes: window.${fn}("light", "10m")`,
        node.start,
      );
    const ms = durationMs(time);
    if (ms === undefined || ms === 0 || ms > RULE_BOUNDS.maxDurationMs)
      throw new ExpressionInvalid(
        `"${time}" is no time that a window may span: "30s", "10m", "1h", at most "7d"`,
        args[1]!.start,
      );
    const type = this.mention(measurement, args[0]!);
    if (type !== undefined && type !== 'number' && fn !== 'count')
      throw new ExpressionInvalid(
        `window.${fn} needs a number, but '${measurement}' is declared as ${type}`,
        args[0]!.start,
      );
    const key = `window ${fn} ${ms} ${measurement}`;
    if (!this.variables.has(key)) this.windows.push({ fn, measurement, ms });
    this.use(key, { type: 'double', kind: 'lazy', read: ({ window }) => window?.[fn](measurement, ms) });
  }

  private useMeasurement(name: string, node: ASTNode, plain?: string): void {
    const declared = this.mention(name, node);
    const type = declared === undefined ? 'dyn' : CEL_TYPE[declared];
    const kind = plain === undefined ? 'other' : 'plain';
    this.use(`reading ${kind} ${name}`, { type, kind, read: ({ reading }) => reading[name] }, plain);
  }

  private useLast(name: string, node: ASTNode): void {
    this.allow('last', node);
    const declared = this.mention(name, node);
    this.usesLast = true;
    const type = declared === undefined ? 'dyn' : CEL_TYPE[declared];
    this.use(`last ${name}`, { type, kind: 'other', read: ({ last }) => last?.[name] });
  }

  private useDevice(name: string, node: ASTNode): void {
    this.allow('device', node);
    if (name !== 'name' && name !== 'fleet')
      throw new ExpressionInvalid(
        `device has no '${name}'${didYouMean(name, ['name', 'fleet'])}; it has name and fleet`,
        node.start,
      );
    const read: (scope: Scope) => unknown =
      name === 'name' ? ({ device }) => device?.device : ({ device }) => device?.fleet;
    this.use(`device ${name}`, { type: 'string', kind: 'other', read });
  }

  /** Prints a variable; the same key is the same variable. */
  private use(key: string, variable: Omit<Variable, 'name'>, name?: string): void {
    let known = this.variables.get(key);
    if (known === undefined) {
      known = { ...variable, name: name ?? `_${this.variables.size}` };
      this.variables.set(key, known);
    }
    this.text += known.name;
  }

  /** Takes note of a measurement, and says what the fleet declared it as. */
  private mention(name: string, node: ASTNode) {
    if (name.startsWith('_'))
      throw new ExpressionInvalid(`'${name}' is no measurement: "_" is the protocol's`, node.start);
    const declared = this.schema?.measurements;
    if (declared !== undefined && !Object.hasOwn(declared, name))
      throw new ExpressionInvalid(`unknown name '${name}'${didYouMean(name, Object.keys(declared))}`);
    this.names.add(name);
    return declared?.[name]?.type;
  }

  private allow(name: ScopeVariable, node: ASTNode): void {
    if (!this.allowed.includes(name))
      throw new ExpressionInvalid(`'${name}' is not available here`, node.start);
  }

  private cannotStandAlone(name: ScopeName, node: ASTNode): ExpressionInvalid {
    if (name !== 'reading') this.allow(name, node);
    return new ExpressionInvalid(`'${name}' cannot stand alone; write ${STANDS_WITH[name]}`, node.start);
  }
}

type ScopeName = 'reading' | 'last' | 'device' | 'window';
const STANDS_WITH: Readonly<Record<ScopeName, string>> = {
  reading: 'reading["name"], the name in quotes',
  last: 'last.light or last["name"]',
  device: 'device.name or device.fleet',
  window: 'window.avg("light", "10m")',
};

function isScopeName(name: string): name is ScopeName {
  return Object.hasOwn(STANDS_WITH, name);
}

function isWindowFunction(name: string): name is WindowFunction {
  return (WINDOW_FUNCTIONS as readonly string[]).includes(name);
}

/** `light`, `reading.light`, `last["light"]`: the measurement that is meant, if it is one. */
function measurementOf(node: ASTNode): { name: string; of?: 'reading' | 'last' } | undefined {
  if (node.op === 'id') return isScopeName(node.args) ? undefined : { name: node.args };
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [of, field] = node.args;
  const name = typeof field === 'string' ? field : field.op === 'value' ? field.args : undefined;
  if (of.op !== 'id' || (of.args !== 'reading' && of.args !== 'last') || typeof name !== 'string')
    return undefined;
  return { name, of: of.args };
}

function unknownFunction(name: string, known: readonly string[], node: ASTNode, of = ''): ExpressionInvalid {
  return new ExpressionInvalid(
    `unknown function '${of}${name}'${didYouMean(name, known)}; there are ${known.join(', ')}`,
    node.start,
  );
}
