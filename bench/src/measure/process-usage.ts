import { readdirSync, readFileSync } from 'node:fs';

/** Resources used by a process, its threads and its children. */
export interface ProcessUsage {
  /** User and system time since its start, seconds, with a resolution of 10 ms. */
  readonly cpuSeconds: number;
  /** Resident memory now, bytes. */
  readonly rssBytes: number;
}

/** Clock ticks per second in /proc on Linux. */
const TICKS_PER_SECOND = 100;

/** Reads the usage of a process and its descendants from /proc; zero if the process has ended. */
export function readUsage(pid: number): ProcessUsage {
  let cpuSeconds = 0;
  let rssBytes = 0;
  for (const each of [pid, ...descendants(pid)]) {
    cpuSeconds += cpuOf(each);
    rssBytes += rssOf(each);
  }
  return { cpuSeconds, rssBytes };
}

/** Busy time of all cores since boot, including time stolen by the host of a virtual machine, seconds. */
export function busyCpuSeconds(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = read('/proc/stat')
    .split('\n', 1)[0]!
    .split(/ +/)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

function cpuOf(pid: number): number {
  // The second field is the name in brackets, which can contain spaces; utime and stime are the 12th and 13th field after it.
  const fields = read(`/proc/${pid}/stat`).trimEnd().split(') ').at(-1)!.split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}

function rssOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

function descendants(pid: number): number[] {
  const children = tasks(pid).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`)
      .split(' ')
      .filter((child) => child !== ''),
  );
  return children.flatMap((child) => [Number(child), ...descendants(Number(child))]);
}

function tasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
