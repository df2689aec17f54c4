import type { EdgeDecision } from '@lamplighter/contracts/edge/edge';
import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type KeptReading, readWindow } from '@lamplighter/store/devices/devices';
import type { DeviceName } from '@lamplighter/store/edge/edge';
import { WINDOW_SIZE } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { devicesInScope } from '@lamplighter/store/rules/groups';
import { readVersion } from '@lamplighter/store/rules/rule-versions';
import { readRule } from '@lamplighter/store/rules/rules';
import type { DecisionFacts } from './evaluate-decision.js';

/** Largest quorum whose edge decisions are compared with the neighbours' votes. */
const MAX_SENSORS = 100;

/** Reads the facts for the edge decisions of several devices, each record once. Lives for one round. */
export class DecisionFactsReader {
  private readonly loading = new Map<string, Promise<unknown>>();

  constructor(private readonly redis: Redis) {}

  /** The facts for one decision. */
  async read({ fleet, device }: DeviceName, decision: EdgeDecision): Promise<DecisionFacts> {
    const [rule, currentVersion, window] = await Promise.all([
      this.once(`rule ${fleet} ${decision.rule} ${decision.version}`, () => this.rule(fleet, decision)),
      this.once(`current ${fleet} ${decision.rule}`, () => this.currentVersion(fleet, decision.rule)),
      this.window(fleet, device),
    ]);
    const neighbours =
      rule?.quorum === undefined
        ? undefined
        : await this.once(`sensors ${fleet} ${rule.id} ${rule.version}`, () => this.sensors(fleet, rule));
    const others = neighbours && new Map([...neighbours].filter(([name]) => name !== device));
    return { fleet, device, rule, currentVersion, window, neighbours: others };
  }

  private once<T>(name: string, read: () => Promise<T>): Promise<T> {
    const loading = this.loading.get(name) ?? read();
    this.loading.set(name, loading);
    return loading as Promise<T>;
  }

  private async rule(fleet: string, { rule, version }: EdgeDecision): Promise<CompiledRule | undefined> {
    const kept = await readVersion(this.redis, fleet, rule, version);
    return kept !== undefined && 'rule' in kept ? compileRule(kept.rule, version, kept.since) : undefined;
  }

  private async currentVersion(fleet: string, rule: string): Promise<number | undefined> {
    return (await readRule(this.redis, fleet, rule))?.version;
  }

  private window(fleet: string, device: string): Promise<KeptReading[]> {
    return this.once(`window ${fleet} ${device}`, () => readWindow(this.redis, fleet, device, WINDOW_SIZE));
  }

  /** The stored readings of all sensors of a quorum; undefined if there are too many sensors. */
  private async sensors(fleet: string, { scope }: CompiledRule) {
    const names = await devicesInScope(this.redis, fleet, scope, MAX_SENSORS + 1);
    if (names.length > MAX_SENSORS) return undefined;
    const windows = await Promise.all(names.map((name) => this.window(fleet, name)));
    return new Map(names.map((name, i) => [name, windows[i]!]));
  }
}
