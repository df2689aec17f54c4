import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { requireBinary } from './binaries.js';
import { startChild } from './child.js';
import { REPOSITORY } from './repository.js';
import { writePrivate } from './secrets.js';
import { type Server, untilServing } from './serving.js';

export interface PrometheusOptions {
  /** For the generated configuration and the data. */
  readonly folder: string;
  readonly port: number;
  /** Job name → port on loopback that serves /metrics. */
  readonly jobs: Readonly<Record<string, number>>;
  readonly logFile?: string;
}

/**
 * Starts Prometheus on loopback, scraping the given jobs with the repository's rules loaded; settles when it is ready.
 * @throws BinaryMissing, ServerFailed
 */
export async function startPrometheus({ folder, port, jobs, logFile }: PrometheusOptions): Promise<Server> {
  const configuration = join(folder, 'prometheus.yml');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writePrivate(configuration, configurationText(jobs));
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

function configurationText(jobs: Readonly<Record<string, number>>): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const scrapes = Object.entries(jobs).map(
    ([job, port]) => `  - job_name: ${job}\n    static_configs:\n      - targets: ['127.0.0.1:${port}']\n`,
  );
  return `# Generated at each start; change prometheus/ in the repository instead.
global:
  scrape_interval: 5s
  evaluation_interval: 15s
rule_files:
  - ${quoted(join(REPOSITORY, 'prometheus/rules/*.yml'))}
scrape_configs:
${scrapes.join('')}`;
}
