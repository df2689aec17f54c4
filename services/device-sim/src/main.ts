import { readFileSync } from 'node:fs';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { serveOperations } from '@lamplighter/service-kit/operations-server';
import { runService } from '@lamplighter/service-kit/run-service';
import { simulatorConfig } from './config.js';
import { requireOpenFiles } from './fleet/open-files.js';
import { Simulator } from './fleet/simulator.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

await runService('device-sim', async () => {
  const config = simulatorConfig();
  requireOpenFiles(config.devices, config.stateDir === undefined ? 1 : 2);
  const logger = createLogger('device-sim', config.logLevel);
  const simulator = new Simulator(config, version, logger);
  const server = await serveOperations({
    host: config.host,
    port: config.port,
    variable: 'SIM_PORT',
    registry: simulator.metrics.registry,
    readiness: () => simulator.readiness(),
  });
  simulator.start();
  return {
    async close() {
      await simulator.close();
      server.closeAllConnections();
      server.close();
    },
  };
});
