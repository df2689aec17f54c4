import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinary } from '@lamplighter/native/servers/binaries';
import { checkRun } from '@lamplighter/prove/checks/check-run';
import { forEachConcurrently } from '@lamplighter/prove/concurrency';
import type { Evidence } from '@lamplighter/prove/evidence/evidence';
import { type DeviceEvent, eventsOf, readLines } from '@lamplighter/prove/evidence/journal';
import { Random } from '@lamplighter/prove/run/random';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { type FaultCase, MAX_SHOWN, QUIET_MS, startFaultCase } from './fault-case.js';

const HOUR_MS = 3_600_000;
const AT_ONCE = 20;
const clock = steppedClock();
if (clock === undefined) process.stderr.write('skipping F18: it requires a C compiler and Linux\n');

// A device rejects the first few commands after the step as expired, since it cannot distinguish them from delayed ones. The API shows them
// as rejected.
// Covered: the wall clocks of the broker, Redis, rules and API from gettimeofday and clock_gettime. Not covered: the system clock, which other
// programs share.
(clock ? it : it.skip)(
  'F18: when the clock of all servers steps back by an hour, no command is lost, duplicated or late, and ids stay unique',
  async () => {
    const faultCase = await startFaultCase({ rulesEnv: clock?.env ?? {}, apiEnv: clock?.env ?? {} });
    const { recorder, log } = faultCase;
    const stopSending = recorder.sendCommandsAtRate(10, new Random(18));
    await until(() => recorder.counts().executed > 50, { what: 'load', timeoutMs: 30_000 });
    clock?.step(-HOUR_MS);
    log('set the clock back by an hour');
    const { executed } = recorder.counts();
    await until(() => recorder.counts().executed > executed + 50, {
      what: 'executed commands',
      timeoutMs: 60_000,
    });
    stopSending();
    await expectNothingLostOnOneClock(faultCase, QUIET_MS);
  },
  300_000,
);

// Leases use that clock. A running replica detects the step; a new one checks at startup.
(clock ? it : it.skip).each([
  ['by the replica that leased it', false],
  ['by a replica that starts after the step', true],
])(
  'F18: a command leased and lost at the step is retried as soon as without the step: %s',
  async (_replica, isRestarted) => {
    clock?.step(0);
    const faultCase = await startFaultCase({ rulesEnv: clock?.env ?? {}, apiEnv: clock?.env ?? {} });
    const { recorder, fleets, replicas } = faultCase;
    const stopSending = recorder.sendCommandsAtRate(10, new Random(18));
    await until(() => recorder.counts().executed > 50, { what: 'load', timeoutMs: 30_000 });
    fleets[0]?.toBroker.stall(); // neither commands nor acknowledgements arrive
    const dispatched = async () => {
      const metrics = await (await fetch(`${replicas[0]?.url}/metrics`)).text();
      const samples = metrics.matchAll(/^lamplighter_commands_total\{transition="dispatched".*\} (\d+)$/gm);
      return [...samples].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    const before = await dispatched();
    await until(async () => (await dispatched()) > before + 20, { what: 'leases', timeoutMs: 30_000 });
    clock?.step(-HOUR_MS);
    if (isRestarted) {
      await replicas[0]?.kill();
      await replicas[0]?.start();
    }
    fleets[0]?.toBroker.cut();
    fleets[0]?.toBroker.heal();
    stopSending();
    await expectNothingLostOnOneClock(faultCase, QUIET_MS / 2);
  },
  300_000,
);

/**
 * Sends commands until every device has executed one that was created after the step, which shows that all its samples of the server time
 * (packages/device/src/connection/server-clock.ts) are from after the step.
 */
async function synchronizeDevices({ recorder, fleets }: FaultCase): Promise<void> {
  const request = { action: { report: ['light'] }, policy: 'ordered' as const, lane: 'clock', ttl: '1m' };
  for (const [i, { name, devices }] of recorder.fleets.entries()) {
    const unsynchronized = () => {
      const executed = eventsOf(readLines<DeviceEvent>(fleets[i]!.journalFile), 'executed');
      const synchronized = new Set(
        executed.filter(({ lane }) => lane === request.lane).map(({ device }) => device),
      );
      return devices.filter((device) => !synchronized.has(device));
    };
    const sendToRest = async () => {
      const remaining = unsynchronized();
      await forEachConcurrently(remaining, AT_ONCE, async (device) => {
        await recorder.sender.sendUntilAnswered({ fleet: name, device, request });
      });
      return remaining.length === 0;
    };
    await until(sendToRest, {
      what: 'all devices to have the new server time',
      timeoutMs: 120_000,
      everyMs: 1000,
    });
  }
}

async function expectNothingLostOnOneClock(faultCase: FaultCase, quietMs: number): Promise<void> {
  const { recorder, client, log } = faultCase;
  const open = async () => {
    const ledgers = await Promise.all(
      recorder.fleets.map(({ name }) => client.get(`/v1/fleets/${name}/ledger`)),
    );
    return ledgers.reduce((sum, { body }) => sum + body.commands.open, recorder.sender.waiting);
  };
  await until(async () => (await open()) === 0, { what: 'every command to end', timeoutMs: quietMs });
  log('all commands have ended');
  // Only now: by the new time, a command created before the step expires an hour later.
  await synchronizeDevices(faultCase);
  const { violations, commands } = checkRun(onOneClock(await recorder.finish({ quietMs })));
  log(`commands ${[...commands.states].map((state) => state.join(' ')).join(', ')}`);
  expect(violations.slice(0, MAX_SHOWN)).toEqual([]);
}

/** Converts the times that servers wrote after the step to the clock before it, which the devices still use. */
function onOneClock(evidence: Evidence): Evidence {
  const stepped = Date.now() - HOUR_MS / 2;
  const corrected = (at: number) => (at < stepped ? at + HOUR_MS : at);
  return {
    ...evidence,
    fleets: evidence.fleets.map((fleet) => ({
      ...fleet,
      commands: fleet.commands.map((command) => ({
        ...command,
        expiresAt: corrected(command.expiresAt),
        transitions: command.transitions.map((transition) => ({
          ...transition,
          at: corrected(transition.at),
        })),
      })),
      journal: fleet.journal.map((event) =>
        'expiresAt' in event ? { ...event, expiresAt: corrected(event.expiresAt) } : event,
      ),
    })),
  };
}

/** An adjustable wall clock for all servers started from now on; undefined without a compiler. */
function steppedClock() {
  const folder = temporaryFolder();
  const library = join(folder, 'stepped-clock.so');
  const source = fileURLToPath(new URL('./stepped-clock.c', import.meta.url));
  const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source], { stdio: 'inherit' });
  if (built.status !== 0) return undefined;
  const file = join(folder, 'clock');
  const step = (ms: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(ms));
    writeFileSync(file, bytes, { flag: 'r+' });
  };
  writeFileSync(file, Buffer.alloc(8));
  const env = { LD_PRELOAD: library, CLOCK_FILE: file };
  wrap(join(folder, 'bin'), ['redis-server', 'mosquitto'], env);
  return { env, step };
}

/** Puts wrappers on the PATH that run the programs with these variables. */
function wrap(folder: string, programs: string[], env: Record<string, string>): void {
  mkdirSync(folder);
  const variables = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
  for (const program of programs) {
    const wrapper = join(folder, program);
    writeFileSync(wrapper, `#!/bin/sh\n${variables.join(' ')} exec ${findBinary(program)} "$@"\n`);
    chmodSync(wrapper, 0o755);
  }
  const { PATH } = process.env;
  process.env.PATH = `${folder}:${PATH}`;
  closeLater('PATH', () => {
    process.env.PATH = PATH;
  });
}
