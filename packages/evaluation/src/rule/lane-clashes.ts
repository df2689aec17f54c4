import { type Action, defaultLane } from '@lamplighter/contracts/commands/command';
import { type DeviceScope, scopesMeet } from '@lamplighter/contracts/rules/device-scope';
import type { Rule } from './rule.js';

/** The keys, devices and lanes that a rule, command or rollout commands. */
export interface Driver {
  readonly devices: DeviceScope;
  /** By action key: the lanes on which commands set it. */
  readonly lanes: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The driver of a rule; without keys if it is disabled. */
export function drivenBy({ enabled, scope, target, command, then, else: otherwise, quorum }: Rule): Driver {
  const actions = enabled ? [then, otherwise, quorum?.safe] : [];
  return { devices: (target ?? scope).devices, lanes: lanesOf(actions, command.lane) };
}

/** The driver of a command or rollout. */
export function drivenByCommand(devices: DeviceScope, action: Action, lane: string | undefined): Driver {
  return { devices, lanes: lanesOf([action], lane) };
}

function lanesOf(
  actions: readonly (Action | undefined)[],
  lane: string | undefined,
): Map<string, Set<string>> {
  const lanes = new Map<string, Set<string>>();
  for (const action of actions)
    for (const key of Object.keys(action ?? {}))
      lanes.set(key, (lanes.get(key) ?? new Set()).add(lane ?? defaultLane(action!)));
  return lanes;
}

/** A key that commands set on different lanes: the commands do not supersede each other, so a device that was offline gets both. */
export interface LaneClash {
  readonly key: string;
  readonly lane: string;
  readonly other: string;
}

/** The keys that two drivers command on different lanes of the same device. */
export function laneClashes(one: Driver, other: Driver): LaneClash[] {
  if (!scopesMeet(one.devices, other.devices)) return [];
  return [...one.lanes].flatMap(([key, lanes]) => {
    const others = other.lanes.get(key);
    const differing = [...(others ?? [])].find((lane) => !lanes.has(lane));
    const own = [...lanes].find((lane) => others !== undefined && !others.has(lane));
    return differing === undefined || own === undefined ? [] : [{ key, lane: own, other: differing }];
  });
}
