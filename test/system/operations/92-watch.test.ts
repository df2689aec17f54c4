import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { until } from '@lamplighter/test-kit/until';
import { freePorts, launch, untilUp } from '../launch.js';

/** Runs `npm run watch -- --once` with this environment, and returns its output and exit code. */
async function watchOnce(
  env: Record<string, string>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { PATH, HOME } = process.env;
  try {
    const options = { cwd: REPOSITORY, env: { PATH, HOME, ...env } };
    const output = await promisify(execFile)(process.execPath, ['scripts/watch.mjs', '--once'], options);
    return { code: 0, ...output };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

const newState = () => mkdtempSync(join(temporaryFolder(), 'state-'));

it('prints what to do when no instance runs', async () => {
  const ports = await freePorts();
  const { code, stdout, stderr } = await watchOnce({ LAMPLIGHTER_STATE: newState(), ...ports });
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain(`cannot reach Prometheus on port ${ports.PROMETHEUS_PORT}`);
  expect(stderr).toContain('npm start');
});

it('shows the key figures from Prometheus, or from the services if it is unavailable', async () => {
  const [state, ports] = [newState(), await freePorts()];
  const run = launch(REPOSITORY, [process.execPath, 'scripts/start.mjs', '--devices', '3'], {
    LAMPLIGHTER_STATE: state,
    INTERVAL_MS: '200',
    ...ports,
  });
  await untilUp(run);
  expect(run.output()).toContain('npm run watch');

  // The ports are stored in the state folder.
  const shown = await until(
    async () => {
      const { stdout } = await watchOnce({ LAMPLIGHTER_STATE: state });
      // Prometheus needs two scrapes for a rate.
      const isComplete = /Devices online +3 of 3/.test(stdout) && /ok +Telemetry +[1-9]/.test(stdout);
      return stdout.includes('Prometheus at') && isComplete && stdout;
    },
    { what: 'Prometheus to have the numbers', timeoutMs: 60_000 },
  );
  expect(shown).toContain(`Prometheus at 127.0.0.1:${ports.PROMETHEUS_PORT}`);
  expect(shown).toMatch(/ok +Telemetry +[1-9][\d.]*\/s/);
  expect(shown).toMatch(/ok +Oldest pending +[\d.]+ m?s/);
  expect(shown).toMatch(/ok +Alerts firing +0/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  expect(shown).not.toMatch(/\x1b/);
  for (const line of shown.split('\n')) expect(line.length).toBeLessThan(80);

  const elsewhere = (await freePorts()).PROMETHEUS_PORT!;
  const direct = await watchOnce({ LAMPLIGHTER_STATE: state, PROMETHEUS_PORT: elsewhere });
  expect(direct).toMatchObject({ code: 0, stderr: '' });
  expect(direct.stdout).toContain('without Prometheus');
  expect(direct.stdout).toMatch(/ok +Telemetry +[1-9][\d.]*\/s/);
  expect(direct.stdout).toMatch(/ok +Devices online +3 of 3/);
  for (const line of direct.stdout.split('\n')) expect(line.length).toBeLessThan(80);
}, 150_000);
