import { identitySchema } from '@lamplighter/contracts/identity';
import { type Broker, parseBrokerUrl } from '@lamplighter/device/connection/broker';
import {
  certificates,
  decimal,
  integer,
  mqttUrl,
  port,
  readConfig,
  serviceVariables,
} from '@lamplighter/service-kit/config';
import { z } from 'zod';
import type { Faults } from './fleet/faults.js';

const variables = z.object({
  ...serviceVariables,
  /** Broker URL with the account that all devices share. */
  MQTT_URL: mqttUrl,
  /** For `mqtts://`: the certificate authority that signed the certificate of the broker. */
  MQTT_CA: certificates.optional(),
  /** For `mqtts://`: the client certificate of all devices with its key, if the broker requires one. */
  MQTT_CERTIFICATE: certificates.optional(),
  /** Default: the user of MQTT_URL, since an account may publish only for the fleet of its name. */
  FLEET: identitySchema.optional(),
  DEVICES: integer(50, 1, 100_000),
  /** Seed of the weather and the birds. */
  SEED: integer(1, 0, 2 ** 31 - 1),
  /** Length of a simulated day; 86400 is real time. */
  DAY_SECONDS: decimal(120, 10, 86_400),
  /** Share of lamps that burn out, and within what time after the start; 0 is immediately. */
  BURNT: decimal(0, 0, 1),
  BURNT_WITHIN_SECONDS: decimal(0, 0, 604_800),
  /** Time between readings of a device. */
  INTERVAL_MS: integer(2000, 50, 86_400_000),
  /** `keep`: readings stay in an outbox until the server has stored them. */
  TELEMETRY: z.enum(['latest', 'keep'], 'must be latest or keep').default('latest'),
  /** Maximum number of readings in the outbox of a device. */
  OUTBOX: integer(1000, 1, 1_000_000),
  /** Folder for the state of each device (outbox, commands); in memory if unset. */
  STATE_DIR: z.string().optional(),
  /** File to which all device events are appended. */
  JOURNAL_FILE: z.string().optional(),
  /** How long the link must be down before the edge rule of a lamp takes over. */
  FALLBACK_SECONDS: decimal(30, 0, 86_400),
  /** A radio without packets for this long sleeps; its next packet is a wake-up. */
  RADIO_GAP_MS: integer(1000, 10, 3_600_000),
  /** The service removes a lamp that is offline for this long; 0 keeps it. */
  FORGET_SECONDS: integer(300, 0, 365 * 86_400),
  /** QoS of telemetry. */
  QOS: z.enum(['0', '1', '2'], 'must be 0, 1 or 2').default('1'),
  /** Maximum number of devices that start to connect per second. */
  CONNECT_RATE: integer(250, 1, 10_000),
  /** Port of /metrics, /health/live and /health/ready. */
  SIM_PORT: port(8082),
});

export interface Config {
  readonly logLevel: string;
  readonly host: string;
  readonly port: number;
  readonly broker: Broker;
  readonly fleet: string;
  readonly devices: number;
  readonly seed: number;
  readonly dayMs: number;
  readonly faults: Faults;
  readonly intervalMs: number;
  readonly telemetry: 'latest' | 'keep';
  readonly outbox: number;
  readonly stateDir?: string;
  readonly journalFile?: string;
  readonly fallbackAfterMs: number;
  readonly radioGapMs: number;
  /** Undefined: lamps are never removed. */
  readonly forgetAfterMs?: number;
  readonly qos: 0 | 1 | 2;
  readonly connectRate: number;
}

/** @throws ConfigInvalid with all problems */
export function simulatorConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const read = readConfig(variables, env);
  const broker = parseBrokerUrl(read.MQTT_URL, {
    ...(read.MQTT_CA !== undefined && { ca: read.MQTT_CA }),
    ...(read.MQTT_CERTIFICATE !== undefined && { cert: read.MQTT_CERTIFICATE, key: read.MQTT_CERTIFICATE }),
  });
  return {
    logLevel: read.LOG_LEVEL,
    host: read.HOST,
    port: read.SIM_PORT,
    broker,
    fleet: read.FLEET ?? identitySchema.safeParse(broker.username).data ?? 'demo',
    devices: read.DEVICES,
    seed: read.SEED,
    dayMs: read.DAY_SECONDS * 1000,
    faults: { burnt: read.BURNT, burntWithinMs: read.BURNT_WITHIN_SECONDS * 1000 },
    intervalMs: read.INTERVAL_MS,
    telemetry: read.TELEMETRY,
    outbox: read.OUTBOX,
    ...(read.STATE_DIR !== undefined && { stateDir: read.STATE_DIR }),
    ...(read.JOURNAL_FILE !== undefined && { journalFile: read.JOURNAL_FILE }),
    fallbackAfterMs: read.FALLBACK_SECONDS * 1000,
    ...(read.FORGET_SECONDS > 0 && { forgetAfterMs: read.FORGET_SECONDS * 1000 }),
    radioGapMs: read.RADIO_GAP_MS,
    qos: Number(read.QOS) as 0 | 1 | 2,
    connectRate: read.CONNECT_RATE,
  };
}
