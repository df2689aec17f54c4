import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

interface Service {
  image?: string;
  build?: { args: Record<string, string> };
  user?: string;
  init?: boolean;
  restart?: string;
  read_only?: boolean;
  cap_drop?: string[];
  cap_add?: string[];
  security_opt?: string[];
  mem_limit?: string;
  cpus?: number;
  ulimits?: { nofile: number };
  pids_limit?: number;
  stop_grace_period?: string;
  logging?: { options: Record<string, string> };
  network_mode?: string;
  networks?: string[];
  ports?: string[];
  environment?: Record<string, string>;
  volumes?: (string | { source: string; target: string })[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  container_name?: string;
  profiles?: string[];
}

const text = readFileSync('docker-compose.yml', 'utf8');
const file = parse(text, { merge: true }) as {
  version?: string;
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks: Record<string, { internal?: boolean } | null>;
};
const dockerfile = readFileSync('Dockerfile', 'utf8');
const services = Object.entries(file.services);
/** All services except the one that creates the secrets and exits. */
const running = services.filter(([name]) => name !== 'secrets');
const secrets = file.services.secrets as Service;
/** Services whose image has no program for a health check; Prometheus shows whether they respond. */
const WITHOUT_HEALTH_CHECK = ['redis-exporter'];
const mounts = (service: Service) =>
  (service.volumes ?? []).map((volume) =>
    typeof volume === 'string' ? (volume.split(':')[0] as string) : volume.source,
  );

const onNetwork = (network: string) =>
  services.filter(([, { networks }]) => networks?.includes(network)).map(([name]) => name);

describe('the compose file', () => {
  it('lists the services in the order of the data flow, and has no version', () => {
    expect(Object.keys(file.services)).toEqual([
      'secrets',
      'mosquitto',
      'redis',
      'rules',
      'api',
      'device-sim',
      'redis-exporter',
      'prometheus',
      'alertmanager',
      'grafana',
    ]);
    expect(file.version).toBeUndefined();
  });

  it('publishes five ports on 127.0.0.1 only, each with a variable', () => {
    expect(services.flatMap(([, service]) => service.ports ?? [])).toEqual([
      `127.0.0.1:\${MQTT_PORT:-1883}:1883`,
      `127.0.0.1:\${API_PORT:-8080}:8080`,
      `127.0.0.1:\${PROMETHEUS_PORT:-9090}:9090`,
      `127.0.0.1:\${ALERTMANAGER_PORT:-9093}:9093`,
      `127.0.0.1:\${GRAFANA_PORT:-3000}:3000`,
    ]);
  });

  it('can be scaled: replicas have neither a published port nor a container name', () => {
    for (const name of ['rules', 'device-sim']) expect(file.services[name]?.ports).toBeUndefined();
    for (const [, service] of services) expect(service.container_name).toBeUndefined();
  });

  it.each(services)('%s uses a pinned image or is built from the Dockerfile', (name, { image, build }) => {
    if (build) expect(build.args).toEqual({ SERVICE: name });
    else expect(image).toMatch(/:v?\d+[.]\d+[.]\d+(@sha256:[0-9a-f]{64})?$/);
  });

  it.each(services)('%s has minimal privileges and limited resources', (name, service) => {
    expect(service).toMatchObject({
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      mem_limit: expect.stringMatching(/^\d+[mg]$/),
      // A larger number would be refused by an engine with one core.
      cpus: 1,
      pids_limit: expect.any(Number),
      logging: { options: { 'max-size': expect.any(String), 'max-file': expect.any(String) } },
    });
    if (name === 'secrets') return;
    expect(service.cap_add).toBeUndefined();
    expect(service.user).toMatch(/^[1-9]\d*:\d+$/);
  });

  it('creates the secrets once, without a network, before the services that use them start', () => {
    expect(secrets).toMatchObject({ restart: 'no', network_mode: 'none' });
    for (const [, service] of running) {
      if (!mounts(service).some((source) => source.endsWith('-secrets'))) continue;
      expect(service.depends_on).toMatchObject({ secrets: { condition: 'service_completed_successfully' } });
    }
  });

  it.each(running)('%s restarts, has a health check, and has time to stop', (name, service) => {
    expect(service.restart).toBe('unless-stopped');
    if (!WITHOUT_HEALTH_CHECK.includes(name)) expect(service.healthcheck?.test.length).toBeGreaterThan(1);
    expect(Number.parseInt(service.stop_grace_period ?? '', 10)).toBeGreaterThan(15);
    for (const [on, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(condition).toBe(on === 'secrets' ? 'service_completed_successfully' : 'service_healthy');
    }
  });

  it.each(running)('%s mounts only its own secrets', (name, service) => {
    const secretVolumes = mounts(service).filter((source) => source.includes('secrets'));
    expect(secretVolumes.filter((source) => source !== `${name}-secrets`)).toEqual([]);
  });

  it('gives only the api and the broker the accounts of devices, and only the api can change them', () => {
    const using = services.filter(([, service]) => mounts(service).includes('device-accounts'));
    expect(using.map(([name]) => name)).toEqual(['secrets', 'mosquitto', 'api']);
    expect(file.services.mosquitto?.volumes).toContain('device-accounts:/mosquitto/devices:ro');
    expect(file.services.api?.environment?.DEVICE_ACCOUNTS_FILE).toBe('/run/device-accounts/accounts');
    expect(file.services.api?.volumes).toContain('device-accounts:/run/device-accounts');
  });

  it('contains no secret', () => {
    for (const [, service] of services) {
      for (const [name, value] of Object.entries(service.environment ?? {})) {
        // The other addresses contain passwords.
        if (/PASSWORD|SECRET|TOKEN|_URL/.test(name) && !/^(PROMETHEUS|CONSOLE)_URL$/.test(name)) {
          expect(name).toMatch(/_FILE$/);
          expect(value).toMatch(/^[/]run[/][a-z-]+-secrets[/]/);
        }
      }
    }
    expect(text).not.toMatch(/:[/][/][^/\s]*:[^/\s]*@/);
  });

  it('isolates devices from Redis and rules, and the API from the broker', () => {
    expect(onNetwork('storage')).toEqual(['redis', 'rules', 'api', 'redis-exporter']);
    expect(onNetwork('devices')).toEqual(['mosquitto', 'device-sim']);
    expect(onNetwork('broker')).toEqual(['mosquitto', 'rules']);
  });

  it('gives only Prometheus access to metrics, and only Grafana and Alertmanager access to Prometheus', () => {
    expect(onNetwork('metrics')).toEqual(['rules', 'api', 'device-sim', 'redis-exporter', 'prometheus']);
    expect(onNetwork('dashboards')).toEqual(['prometheus', 'grafana']);
    expect(onNetwork('alerts')).toEqual(['prometheus', 'alertmanager']);
    expect(onNetwork('web')).toEqual(['api']);
    const internal = Object.entries(file.networks).filter(([, network]) => network?.internal);
    expect(internal.map(([name]) => name)).toEqual(['broker', 'storage', 'metrics']);
  });

  it('passes no password in the environment or the arguments of a command', () => {
    expect(text).not.toMatch(/REDISCLI_AUTH|--pass\b|-a "|-P /);
    expect(readFileSync('scripts/compose/secrets.sh', 'utf8')).not.toMatch(/mosquitto_passwd -b/);
  });

  it('mounts files that exist and volumes that are declared', () => {
    for (const source of services.flatMap(([, service]) => mounts(service))) {
      if (source.startsWith('./')) expect([source, existsSync(source)]).toEqual([source, true]);
      else expect(Object.keys(file.volumes)).toContain(source);
    }
  });

  it('sends alerts only with a profile, and then only to this machine', () => {
    const optional = services.filter(([, { profiles }]) => profiles).map(([name]) => name);
    expect(optional).toEqual(['alertmanager']);
    const receivers = readFileSync('prometheus/alertmanager.yml', 'utf8');
    for (const [, host] of receivers.matchAll(/https?:[/][/]([^:/]+)/g)) expect(host).toBe('127.0.0.1');
  });

  it('gives the broker container more memory than the memory limit of the broker', () => {
    const own = /^memory_limit (\d+)$/m.exec(readFileSync('mosquitto/conf.d/limits.conf', 'utf8'))?.[1];
    const container = /^(\d+)m$/.exec(file.services.mosquitto?.mem_limit ?? '')?.[1];
    expect(Number(own)).toBeLessThan(Number(container) * 1024 * 1024);
  });

  it('prevents devices from using up the memory or files of the broker', () => {
    const numberIn = (name: string, option: string) =>
      Number(new RegExp(`^${option} (\\d+)$`, 'm').exec(readFileSync(`mosquitto/${name}.conf`, 'utf8'))?.[1]);
    const connections = numberIn('mosquitto', 'max_connections');
    const { nofile = 0 } = file.services.mosquitto?.ulimits ?? {};
    expect(nofile - connections).toBeGreaterThanOrEqual(100);
    const reserved = nofile * numberIn('conf.d/limits', 'max_packet_size');
    expect(reserved).toBeLessThan(numberIn('conf.d/limits', 'memory_limit') - 100 * 1024 * 1024);
  });

  it('connects rules to the listener for services, which is not published', () => {
    expect(readFileSync('mosquitto/mosquitto.conf', 'utf8')).toMatch(/^listener 1884$/m);
    expect(readFileSync('scripts/compose/secrets.sh', 'utf8')).toContain('@mosquitto:1884" | give rules');
    expect(file.services.mosquitto?.ports?.join()).not.toContain('1884');
  });

  it('has Prometheus scrape every replica of each service, by name', () => {
    const prometheus = parse(readFileSync('prometheus/prometheus.yml', 'utf8')) as {
      scrape_configs: {
        job_name: string;
        dns_sd_configs?: { names: string[]; type: string; port: number }[];
      }[];
    };
    for (const [name, service] of services.filter(([, { build }]) => build)) {
      const job = prometheus.scrape_configs.find(({ job_name }) => job_name === name);
      expect(job?.dns_sd_configs).toMatchObject([
        { names: [name], type: 'A', port: Number(service.healthcheck?.test.at(-1)) },
      ]);
      expect(service.networks).toContain('metrics');
    }
  });
});

describe('the Dockerfile', () => {
  it('builds on Node 24 slim, from the lockfile, without running install scripts', () => {
    expect(readFileSync('.npmrc', 'utf8')).toContain('ignore-scripts=true\n');
    expect(readFileSync('scripts/prepare.mjs', 'utf8')).toContain("'--ignore-scripts'");
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    const withoutDigest = bases.map((base) => base?.replace(/@sha256:[0-9a-f]{64}$/, ''));
    expect(new Set(withoutDigest)).toEqual(new Set(['node:24-trixie-slim']));
    const installs = [...dockerfile.matchAll(/npm (?:ci|install).*/g)].map(([line]) => line);
    expect(installs.length).toBeGreaterThan(0);
    for (const install of installs) expect(install).toMatch(/^npm ci --ignore-scripts/);
    expect(dockerfile).not.toMatch(/^# *syntax=/m);
  });

  it('runs the service as an unprivileged user', () => {
    expect(dockerfile.trimEnd().split('\n').slice(-2)).toEqual([
      'USER node',
      'CMD ["node", "dist/bundle.js"]',
    ]);
  });
});
