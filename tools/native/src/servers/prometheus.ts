import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../process/child.js';
import { type Server, untilServing } from '../process/serving.js';
import { REPOSITORY } from '../state/repository.js';
import { writePrivate } from '../state/secrets.js';
import { requireBinary } from './binaries.js';

export interface PrometheusOptions {
  /** Folder of the generated configuration and the data. */
  readonly folder: string;
  readonly port: number;
  /** Job name → port on loopback that serves /metrics. */
  readonly jobs: Readonly<Record<string, number>>;
  /** File with the token that the services need for their metrics; default: they need none. */
  readonly tokenFile?: string | undefined;
  readonly logFile?: string;
}

/**
 * Starts Prometheus on loopback with the given jobs and the repository's rules and alerts; resolves when it is ready.
 * @throws BinaryMissing, ServerFailed
 */
export async function startPrometheus(options: PrometheusOptions): Promise<Server> {
  const { folder, port, jobs, logFile, tokenFile } = options;
  const configuration = join(folder, 'prometheus.yml');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const targets = join(folder, 'targets');
  writeTargets(targets, jobs);
  writePrivate(configuration, configurationText(Object.keys(jobs), targets, tokenFile));
  const child = startChild({
    name: 'prometheus',
    command: requireBinary('prometheus'),
    args: [
      `--config.file=${configuration}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--storage.tsdb.retention.time=15d',
      '--storage.tsdb.retention.size=1GB',
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    logFile: logFile ?? join(folder, 'prometheus.log'),
  });
  const url = `http://127.0.0.1:${port}`;
  await untilServing(child, async () => (await fetch(`${url}/-/ready`)).ok || 'still loading', 60_000);
  return Object.assign(child, { port, url });
}

/**
 * Targets are in separate files, so that more can be added while Prometheus runs: to scrape a second replica of rules on port 8091, write
 * `[{"targets": ["127.0.0.1:8091"]}]` to `targets/rules-2.json`.
 */
function writeTargets(folder: string, jobs: Readonly<Record<string, number>>): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [job, port] of Object.entries(jobs)) {
    writePrivate(join(folder, `${job}.json`), `${JSON.stringify([{ targets: [`127.0.0.1:${port}`] }])}\n`);
  }
}

function configurationText(jobs: readonly string[], targets: string, tokenFile?: string): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const scrapes = jobs.map((job) => {
    const files = [`${job}.json`, `${job}-*.json`].map(
      (name) => `          - ${quoted(join(targets, name))}\n`,
    );
    // Prometheus itself needs no token, and must not be sent one.
    const needsToken = tokenFile !== undefined && job !== 'prometheus';
    const authorization = needsToken
      ? `    authorization:\n      credentials_file: ${quoted(tokenFile)}\n`
      : '';
    return `  - job_name: ${job}\n${authorization}    file_sd_configs:\n      - files:\n${files.join('')}`;
  });
  return `# Generated at each start; change prometheus/ in the repository instead.
global:
  scrape_interval: 5s
  evaluation_interval: 15s
rule_files:
  - ${quoted(join(REPOSITORY, 'prometheus/rules/*.yml'))}
scrape_configs:
${scrapes.join('')}`;
}
