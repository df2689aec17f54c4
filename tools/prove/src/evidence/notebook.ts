import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  About,
  Asked,
  Evidence,
  FleetEvidence,
  InjectedFault,
  Ledger,
  ShownCommand,
} from './evidence.js';
import { type DeviceEvent, readLines } from './journal.js';

/** What was seen of a fleet at the API, one line each time that something was new. */
type Sight =
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
 * The folder of a run: `devices-<fleet>.jsonl` (each device's word, written by the simulators), `asked.jsonl`, `api.jsonl`,
 * `faults.jsonl` and at the end `about.json`. The oracle reads nothing else, so a run can be judged again.
 */
export class Notebook {
  constructor(readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  asked(asked: Asked): void {
    this.add('asked', asked);
  }

  saw(sight: Sight): void {
    this.add('api', sight);
  }

  fault(fault: InjectedFault): void {
    this.add('faults', fault);
  }

  about(about: About): void {
    writeFileSync(join(this.folder, 'about.json'), `${JSON.stringify(about, null, 2)}\n`);
  }

  /** Everything that is written in the folder. */
  read(): Evidence {
    const sights = this.lines<Sight>('api');
    const about = JSON.parse(readFileSync(join(this.folder, 'about.json'), 'utf8')) as About;
    return {
      fleets: about.fleets.map(({ name }) => this.fleet(name, sights)),
      asked: this.lines<Asked>('asked'),
      faults: this.lines<InjectedFault>('faults'),
      about,
    };
  }

  private fleet(fleet: string, sights: readonly Sight[]): FleetEvidence {
    const stored = new Map<string, number[]>();
    const commands = new Map<string, ShownCommand>();
    const gaps = new Set<string>();
    let ledger: Ledger | undefined;
    for (const sight of sights) {
      if (sight.saw === 'readings' && sight.fleet === fleet)
        stored.set(sight.device, [...(stored.get(sight.device) ?? []), ...sight.seqs]);
      else if (sight.saw === 'command' && sight.command.fleet === fleet)
        commands.set(sight.command.id, sight.command);
      else if (sight.saw === 'gap' && sight.fleet === fleet) gaps.add(sight.device);
      else if (sight.saw === 'ledger' && sight.fleet === fleet) ledger = sight.ledger;
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

  private add(name: string, line: object): void {
    appendFileSync(join(this.folder, `${name}.jsonl`), `${JSON.stringify(line)}\n`);
  }
}
