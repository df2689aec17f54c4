import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises';
import { freePort } from '../../testbed/free-port.js';
import { StockBroker } from '../../testbed/stock-broker.js';
import type { Design, Device, Running } from '../designs/design.js';
import { DeviceLink } from '../devices/device-link.js';
import type { LogEntry, ScriptedCommand } from './outage-log.js';
import type { Step } from './script.js';

/** A wait timed out. */
class OutageStuck extends Error {
  override readonly name = 'OutageStuck';
}

/** Devices and servers have this long to connect. */
const CONNECT_MS = 30_000;
/** An outage has settled when the design has no pending work and no command was executed for this long, milliseconds. */
const QUIET_MS = 3000;
/** Commands that are not executed by then count as lost. */
const SETTLE_MS = 45_000;

/** A device with its link and program. */
interface ScriptedDevice {
  readonly link: DeviceLink;
  readonly program: Device;
  /** Number of the command during whose execution the link is cut. */
  cutDuring: number | undefined;
  gone: 'cut' | 'goodbye' | undefined;
}

/** Runs the script on a design with its own broker, and returns the event log. Stops everything that it started. */
export async function runOutage(
  design: Design,
  script: readonly Step[],
  { devices, folder, report }: { devices: number; folder: string; report: (what: string) => void },
): Promise<LogEntry[]> {
  const broker = new StockBroker(await freePort(), `${folder}/mosquitto`, design.broker);
  await broker.start();
  const outage = new Outage(broker, report);
  try {
    await outage.begin(await design.start(broker, folder), devices);
    for (const step of script) await outage.run(step);
    return outage.log;
  } finally {
    await outage.end();
    await broker.stop();
  }
}

class Outage {
  readonly log: LogEntry[] = [];
  private running: Running | undefined;
  private readonly devices: ScriptedDevice[] = [];
  private lastExecution = 0;

  constructor(
    private readonly broker: StockBroker,
    private readonly report: (what: string) => void,
  ) {}

  async begin(running: Running, devices: number): Promise<void> {
    this.running = running;
    for (let device = 0; device < devices; device += 1) {
      const link = await DeviceLink.open(this.broker.port);
      const program = running.newDevice(device, link, ({ n }) => this.executed(device, n));
      this.devices.push({ link, program, cutDuring: undefined, gone: undefined });
      this.log.push({ at: Date.now(), event: 'online', device });
      program.start();
    }
    await this.untilOnline();
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'report':
        return this.report(step.what);
      case 'issue':
        return this.issue(step.command);
      case 'leave':
        return this.leave(step.device, step.how);
      case 'cut-during':
        return this.cutDuring(step.command);
      case 'stop-broker':
        return this.broker.stop();
      case 'start-broker':
        await this.broker.start();
        return until('the server to be connected again', CONNECT_MS, async () => this.server.connected);
      case 'pass':
        return delay(step.ms);
      case 'return':
        return this.restore(step.device);
      case 'settle':
        return this.settle();
    }
  }

  async end(): Promise<void> {
    for (const { program, link } of this.devices) {
      await program.close();
      link.close();
    }
    await this.running?.stop();
  }

  private get server(): Running {
    return this.running!;
  }

  private async issue(command: ScriptedCommand): Promise<void> {
    this.log.push({ at: Date.now(), event: 'issued', command });
    await this.server.issue(command);
    await immediate(); // let sockets do I/O
  }

  private executed(device: number, n: number): void {
    this.lastExecution = Date.now();
    this.log.push({ at: this.lastExecution, event: 'executed', device, n });
    const place = this.devices[device]!;
    if (place.cutDuring !== n) return;
    place.cutDuring = undefined;
    this.cut(device);
  }

  private async cutDuring(command: ScriptedCommand): Promise<void> {
    const place = this.devices[command.device]!;
    place.cutDuring = command.n;
    await this.issue(command);
    await until('the link to be cut during a command', CONNECT_MS, async () => place.gone);
  }

  private async leave(device: number, how: 'cut' | 'goodbye'): Promise<void> {
    if (how === 'cut') return this.cut(device);
    const place = this.devices[device]!;
    place.gone = how;
    await place.program.sayGoodbye();
    this.log.push({ at: Date.now(), event: 'offline', device });
  }

  private cut(device: number): void {
    const place = this.devices[device]!;
    place.gone = 'cut';
    place.link.cut();
    this.log.push({ at: Date.now(), event: 'offline', device });
  }

  private restore(device: number): void {
    const place = this.devices[device]!;
    this.log.push({ at: Date.now(), event: 'online', device });
    if (place.gone === 'goodbye') place.program.start();
    else place.link.restore();
    place.gone = undefined;
  }

  private async settle(): Promise<void> {
    await this.untilOnline();
    const from = Date.now();
    const quiet = () => Date.now() - Math.max(from, this.lastExecution) >= QUIET_MS;
    const deadline = from + SETTLE_MS;
    while (Date.now() < deadline && !(quiet() && (await this.server.settled()))) await delay(100);
  }

  private untilOnline(): Promise<void> {
    return until('all devices to be online', CONNECT_MS, async () =>
      this.devices.every(({ program }) => program.online),
    );
  }
}

async function until(what: string, limitMs: number, condition: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition().catch(() => false))) {
    if (Date.now() > deadline) throw new OutageStuck(`waited ${limitMs / 1000} s for ${what}`);
    await delay(20);
  }
}
