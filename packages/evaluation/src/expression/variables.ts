import type { TelemetrySchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import { didYouMean } from '../suggest.js';
import type { WindowUse } from '../window/functions.js';
import { ExpressionInvalid } from './errors.js';
import { evaluationLanguage } from './language.js';
import { misnamed } from './mistakes.js';
import { measured, type Scope, type ScopeVariable } from './scope.js';

/** A variable of the rewritten text, and how its value is read. */
export interface Variable {
  readonly name: string;
  readonly type: 'double' | 'bool' | 'string' | 'dyn';
  /** `plain`: a measurement of the reading under its own name. `lazy`: expensive to read. */
  readonly kind: 'plain' | 'other' | 'lazy';
  readonly read: (scope: Scope) => unknown;
}

const CEL_TYPE = { number: 'double', boolean: 'bool', string: 'string', object: 'dyn' } as const;

/** The variables of an expression. Each method registers one and returns its name in the rewritten text. */
export class Variables {
  readonly names = new Set<string>();
  readonly windows: WindowUse[] = [];
  usesLast = false;
  private readonly byKey = new Map<string, Variable>();

  constructor(
    private readonly allowed: readonly ScopeVariable[],
    private readonly schema: TelemetrySchema | undefined,
  ) {}

  get all(): Variable[] {
    return [...this.byKey.values()];
  }

  /** @throws ExpressionInvalid if the variable is not available to the expression */
  allow(name: ScopeVariable, at: number): void {
    if (!this.allowed.includes(name)) throw new ExpressionInvalid(`'${name}' is not available here`, at);
  }

  /** A bare name: a measurement, or `value` of a measuring quorum. */
  named(name: string, at: number): string {
    if (name === 'value' && this.allowed.includes('value'))
      return this.use('value', { type: 'double', kind: 'other', read: (scope) => scope.value });
    const meant =
      this.schema !== undefined && Object.hasOwn(this.schema.measurements, name) ? undefined : misnamed(name);
    if (meant !== undefined) throw new ExpressionInvalid(meant, at);
    const type = this.mention(name, at);
    const read: Variable['read'] = ({ reading }) => measured(reading, name);
    // Names that the library (`string`, `list`, `type`) or every object (`constructor`) already has.
    if (evaluationLanguage.hasVariable(name) || name in Object.prototype)
      return this.use(`reading ${name}`, { type, kind: 'other', read });
    return this.use(`plain ${name}`, { type, kind: 'plain', read }, name);
  }

  /** `reading["odd-name"]` */
  ofReading(name: string, at: number): string {
    const type = this.mention(name, at);
    const read: Variable['read'] = ({ reading }) => measured(reading, name);
    return this.use(`reading ${name}`, { type, kind: 'other', read });
  }

  /** `last.light` */
  ofLast(name: string, at: number): string {
    this.allow('last', at);
    this.usesLast = true;
    const type = this.mention(name, at);
    return this.use(`last ${name}`, { type, kind: 'other', read: ({ last }) => measured(last, name) });
  }

  /** `has(light)`, `has(last.light)` */
  presence(of: 'reading' | 'last', name: string, at: number): string {
    this.mention(name, at);
    if (of === 'last') {
      this.allow('last', at);
      this.usesLast = true;
    }
    const read: Variable['read'] = (scope) => {
      const measurements = scope[of];
      return measurements !== undefined && Object.hasOwn(measurements, name);
    };
    return this.use(`has ${of} ${name}`, { type: 'bool', kind: 'other', read });
  }

  /** `device.name`, `device.fleet` */
  ofDevice(name: string, at: number): string {
    this.allow('device', at);
    if (name !== 'name' && name !== 'fleet')
      throw new ExpressionInvalid(
        `device has no '${name}'${didYouMean(name, ['name', 'fleet'])}; it has name and fleet`,
        at,
      );
    const read: Variable['read'] =
      name === 'name' ? ({ device }) => device?.device : ({ device }) => device?.fleet;
    return this.use(`device ${name}`, { type: 'string', kind: 'other', read });
  }

  /** `window.avg("light", "10m")` */
  ofWindow(windowUse: WindowUse, at: number): string {
    const { fn, measurement, ms } = windowUse;
    this.mention(measurement, at);
    const declared = this.schema?.measurements[measurement]?.type ?? 'number';
    if (declared !== 'number' && fn !== 'count')
      throw new ExpressionInvalid(
        `window.${fn} needs a number, but '${measurement}' is declared as ${declared}`,
        at,
      );
    const key = `window ${fn} ${ms} ${measurement}`;
    if (!this.byKey.has(key)) this.windows.push(windowUse);
    const read: Variable['read'] = ({ window }) => window?.compute(windowUse);
    return this.use(key, { type: 'double', kind: 'lazy', read });
  }

  /** Returns the variable of a key. Generated names start with `_`, which is reserved in expressions. */
  private use(key: string, variable: Omit<Variable, 'name'>, name = `_${this.byKey.size}`): string {
    const known = this.byKey.get(key);
    if (known !== undefined) return known.name;
    this.byKey.set(key, { ...variable, name });
    return name;
  }

  /** Registers a measurement and returns its type. */
  private mention(name: string, at: number): Variable['type'] {
    if (name === '' || name.startsWith('_'))
      throw new ExpressionInvalid(
        `'${name}' is not a measurement: names that start with "_" are reserved`,
        at,
      );
    const declared = this.schema?.measurements;
    if (declared !== undefined && !Object.hasOwn(declared, name))
      throw new ExpressionInvalid(`unknown name '${name}'${didYouMean(name, Object.keys(declared))}`);
    this.names.add(name);
    const type = declared?.[name]?.type;
    return type === undefined ? 'dyn' : CEL_TYPE[type];
  }
}
