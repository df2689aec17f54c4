import { CommandWriter } from './command-writer.js';
import type { ScriptedCommand } from './outage-log.js';
import { SeededChoice } from './seeded-choice.js';

/** One step of an outage. All designs run the same steps. */
export type Step =
  | { readonly do: 'report'; readonly what: string }
  | { readonly do: 'issue'; readonly command: ScriptedCommand }
  /** The device disconnects: its connection is cut without a DISCONNECT, or it publishes a goodbye. */
  | { readonly do: 'leave'; readonly device: number; readonly how: 'cut' | 'goodbye' }
  /** Issues the command and cuts the connection when the device starts to execute it. */
  | { readonly do: 'cut-during'; readonly command: ScriptedCommand }
  | { readonly do: 'stop-broker' }
  | { readonly do: 'start-broker' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'return'; readonly device: number }
  /** Waits until nothing happens any more. */
  | { readonly do: 'settle' };

/** Time to live of commands that expire before their device returns. */
const SHORT_TTL_MS = 2000;
/** Time from the last expiry to the first return: longer than the broker's resolution of one second. */
const MARGIN_MS = 2000;
/** More than Mosquitto queues for one client (`max_queued_messages`, 1000). */
const BURST = 1100;
/** One in this many devices gets the burst. */
const BURST_EVERY = 10;

/**
 * The outage as a list of steps, determined by the seed. Each device has a lamp (`led_on`), a door with short-lived commands (`door_open`)
 * and an arm that moves in steps (`arm_step`); some devices are dimmed quickly (`level`).
 */
export function makeScript(seed: number, devices: number): readonly Step[] {
  const choice = new SeededChoice(seed);
  const write = new CommandWriter();
  const all = Array.from({ length: devices }, (_, device) => device);
  const dimmed = all.filter((device) => device % BURST_EVERY === 0);
  const steps: Step[] = [];
  const report = (what: string) => steps.push({ do: 'report', what });
  const issue = (command: ScriptedCommand) => steps.push({ do: 'issue', command });
  /** Lamp and arm commands for each of these devices, in random order. */
  const busy = (some: readonly number[], low: number, high: number) => {
    const turns = some.map((device) => ({
      device,
      lamp: choice.between(low, high),
      arm: choice.between(1, 2),
    }));
    for (let i = 0; turns.some(({ lamp, arm }) => i < Math.max(lamp, arm)); i += 1) {
      for (const { device, lamp, arm } of choice.shuffled(turns)) {
        if (i < lamp) issue(write.switchLamp(device));
        if (i < arm) issue(write.moveArm(device));
      }
    }
  };

  report('all devices connected; first commands');
  for (const device of all) issue(write.closeDoor(device));
  for (const device of dimmed) issue(write.dim(device, 0));
  busy(all, 1, 2);
  steps.push({ do: 'settle' });

  report('devices disconnect: link cut, goodbye, or during a command');
  for (const device of choice.shuffled(all)) {
    const how = choice.between(0, 3);
    if (how === 0) steps.push({ do: 'cut-during', command: write.switchLamp(device) });
    else steps.push({ do: 'leave', device, how: how === 1 ? 'goodbye' : 'cut' });
  }

  // The newest command of a third of the lamps is issued before the restart, of a third during it, of the rest after it.
  const third = new Map(choice.shuffled(all).map((device, i) => [device, i % 3]));
  const from = (least: number) => all.filter((device) => third.get(device)! >= least);
  report('commands for offline devices');
  busy(from(0), 2, 5);
  for (const device of choice.shuffled(all)) issue(write.openDoor(device, SHORT_TTL_MS));
  steps.push({ do: 'stop-broker' });
  report('broker restarts during further commands');
  busy(from(1), 1, 2);
  steps.push({ do: 'start-broker' });
  report('more commands for offline devices');
  for (let level = 1; level <= BURST; level += 1)
    for (const device of dimmed) issue(write.dim(device, level));
  busy(from(2), 2, 5);
  for (const device of choice.shuffled(all).slice(0, Math.ceil(devices / 2)))
    issue(write.openDoor(device, SHORT_TTL_MS));
  steps.push({ do: 'pass', ms: SHORT_TTL_MS + MARGIN_MS });

  report('devices return');
  for (const device of choice.shuffled(all))
    steps.push({ do: 'return', device }, { do: 'pass', ms: choice.between(10, 60) });
  steps.push({ do: 'settle' });

  report('a third of the links are cut again briefly');
  for (const device of choice.shuffled(all).slice(0, Math.ceil(devices / 3)))
    steps.push({ do: 'leave', device, how: 'cut' }, { do: 'return', device });
  steps.push({ do: 'settle' });
  return steps;
}
