// What the running containers are allowed to do, as the engine and the kernel report it.
import { expect } from '../expect.mjs';

/** @typedef {import('../stack.mjs').Stack} Stack */

/** The networks of each service. @type {Readonly<Record<string, string[]>>} */
const NETWORKS = {
  mosquitto: ['broker', 'devices'],
  redis: ['storage'],
  rules: ['broker', 'metrics', 'storage'],
  api: ['metrics', 'storage', 'web'],
  'device-sim': ['devices', 'metrics'],
  'redis-exporter': ['metrics', 'storage'],
  prometheus: ['alerts', 'dashboards', 'metrics'],
  alertmanager: ['alerts'],
  grafana: ['dashboards'],
};

/** Containers have no more rights and resources than they need. @param {Stack} stack */
export async function containersAreConfined(stack) {
  const running = (await stack.project.inspect()).filter(({ State }) => State.Running);
  expect(running.length >= 6, `only ${running.length} containers run`);
  for (const { Name, Config, HostConfig, Mounts, NetworkSettings } of running) {
    const service = Config.Labels['com.docker.compose.service'] ?? '';
    const facts = {
      'runs as root': /^(0|root|)(:|$)/.test(Config.User),
      'can write to its image': !HostConfig.ReadonlyRootfs,
      'keeps capabilities': String(HostConfig.CapDrop) !== 'ALL' || (HostConfig.CapAdd ?? []).length > 0,
      'can gain privileges': !HostConfig.SecurityOpt?.includes('no-new-privileges:true'),
      'is privileged': HostConfig.Privileged,
      'shares a namespace of the host': [
        HostConfig.PidMode,
        HostConfig.IpcMode,
        HostConfig.NetworkMode,
      ].includes('host'),
      'has no memory limit': HostConfig.Memory <= 0,
      'has no CPU limit': HostConfig.NanoCpus <= 0,
      'has no limit of processes': !(HostConfig.PidsLimit > 0),
      'mounts the socket of the engine': Mounts.some(({ Source }) => /docker[.]sock/.test(Source ?? '')),
    };
    const wrong = Object.entries(facts).filter(([, holds]) => holds);
    expect(wrong.length === 0, `${Name} ${wrong.map(([fact]) => fact).join(', ')}`);
    const networks = Object.keys(NetworkSettings.Networks).map((name) =>
      name.slice(stack.project.name.length + 1),
    );
    expect(
      networks.sort().join() === NETWORKS[service]?.join(),
      `${Name} is attached to the networks ${networks}`,
    );
  }
  for (const service of ['mosquitto', 'redis', 'rules', 'api', 'device-sim', 'prometheus'])
    await kernelConfines(stack, service);
}

/** @param {Stack} stack @param {string} service */
async function kernelConfines({ project }, service) {
  const status = await project.inside(service, ['cat', '/proc/1/status']);
  expect(/^CapEff:\t0+$/m.test(status), `${service} has capabilities:\n${status}`);
  expect(/^CapBnd:\t0+$/m.test(status), `${service} could gain capabilities:\n${status}`);
  expect(/^NoNewPrivs:\t1$/m.test(status), `${service} can gain privileges`);
  expect(!/^Uid:\t0\b/m.test(status), `${service} runs as root`);
  const written = await project.inside(service, ['touch', '/etc/x']).then(
    () => true,
    () => false,
  );
  expect(!written, `${service} can write to its image`);
}
