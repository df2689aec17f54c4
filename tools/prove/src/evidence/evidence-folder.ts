import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  About,
  CommandRequest,
  Evidence,
  FleetEvidence,
  InjectedFault,
  Ledger,
  ShownCommand,
} from './evidence.js';
import { type DeviceEvent, readLines } from './journal.js';

/** Something new that the API showed about a fleet. */
type Observation =
  | {
      readonly saw: 'readings';
      readonly fleet: string;
      readonly device: string;
      readonly seqs: readonly number[];
    }
  /** The device's window was full, and held no reading that was seen before: some may have left it unseen. */
  | { readonly saw: 'gap'; readonly fleet: string; readonly device: string }
  | { readonly saw: 'command'; readonly command: ShownCommand }
  | { readonly saw: 'ledger'; readonly fleet: string; readonly ledger: Ledger };

/**
 * The folder of a run: `devices-<fleet>.jsonl` (the journals of the simulators), `asked.jsonl` (requests), `api.jsonl` (observations),
 * `faults.jsonl` and finally `about.json`. The checks read nothing else, so they can be repeated.
 */
export class EvidenceFolder {
  constructor(readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  recordRequest(request: CommandRequest): void {
    this.append('asked', request);
  }

  recordObservation(observation: Observation): void {
    this.append('api', observation);
  }

  recordFault(fault: InjectedFault): void {
    this.append('faults', fault);
  }

  writeAbout(about: About): void {
    writeFileSync(join(this.folder, 'about.json'), `${JSON.stringify(about, null, 2)}\n`);
  }

  /** Reads everything recorded in the folder. */
  read(): Evidence {
    const observations = this.lines<Observation>('api');
    const about = JSON.parse(readFileSync(join(this.folder, 'about.json'), 'utf8')) as About;
    return {
      fleets: about.fleets.map(({ name }) => this.fleet(name, observations)),
      requests: this.lines<CommandRequest>('asked'),
      faults: this.lines<InjectedFault>('faults'),
      about,
    };
  }

  private fleet(fleet: string, observations: readonly Observation[]): FleetEvidence {
    const stored = new Map<string, number[]>();
    const commands = new Map<string, ShownCommand>();
    const gaps = new Set<string>();
    let ledger: Ledger | undefined;
    for (const observation of observations) {
      if (observation.saw === 'readings' && observation.fleet === fleet)
        stored.set(observation.device, [...(stored.get(observation.device) ?? []), ...observation.seqs]);
      else if (observation.saw === 'command' && observation.command.fleet === fleet)
        commands.set(observation.command.id, observation.command);
      else if (observation.saw === 'gap' && observation.fleet === fleet) gaps.add(observation.device);
      else if (observation.saw === 'ledger' && observation.fleet === fleet) ledger = observation.ledger;
    }
    return {
      fleet,
      journal: this.lines<DeviceEvent>(`devices-${fleet}`),
      stored,
      gaps,
      commands: [...commands.values()],
      ledger,
    };
  }

  private lines<Line>(name: string): Line[] {
    try {
      return readLines<Line>(join(this.folder, `${name}.jsonl`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  private append(name: string, line: object): void {
    appendFileSync(join(this.folder, `${name}.jsonl`), `${JSON.stringify(line)}\n`);
  }
}
