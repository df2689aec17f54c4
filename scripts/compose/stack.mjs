// The running containers, with the commands and requests that the steps of the compose test share.
import { DOCUMENTED } from './documented-commands.mjs';
import { expect, until } from './expect.mjs';
import { json, queryPrometheus, request } from './requests.mjs';

/** @typedef {import('./project.mjs').ComposeProject} ComposeProject */
/** @typedef {import('./requests.mjs').RequestOptions} RequestOptions */

/** The services that are built from this repository. */
export const SERVICES = ['rules', 'api', 'device-sim'];
export const DEVICES_PER_REPLICA = 50;
/** States of a command that has not ended. */
const OPEN_STATES = ['pending', 'dispatched', 'acknowledged'];

export class Stack {
  /** Services to start; empty starts all. @type {readonly string[]} */
  startOnly = [];
  /** Set once the Docker engine has responded. */
  hasEngine = false;
  apiKey = '';
  /** Password of the account of the fleet `plant`. */
  plantPassword = '';
  /** URL of the broker, with the password of the simulator, before the restart. */
  brokerUrl = '';
  /** Documented commands that have run. @type {Set<string>} */
  typed = new Set();

  /** @param {ComposeProject} project */
  constructor(project) {
    this.project = project;
  }

  /** Runs a documented command, or its substitute; returns what it printed. @param {string} command */
  async type(command, timeoutMs = 60_000) {
    const entry = DOCUMENTED[command];
    expect(entry !== undefined, `"${command}" is missing in scripts/compose/documented-commands.mjs`);
    this.typed.add(command);
    const text = entry.typed ?? command;
    const startsAll = /^docker compose up\b/.test(text) && !text.endsWith(' mosquitto');
    return this.project.type(startsAll ? [text, ...this.startOnly].join(' ') : text, timeoutMs);
  }

  /** @param {string} command */
  async up(command) {
    await this.type(command, 240_000);
  }

  async takeDown() {
    if (!this.hasEngine) return;
    const down = ['--profile', 'alerts', 'down', '--volumes', '--rmi', 'local', '--remove-orphans'];
    await this.project.compose(down, 120_000).catch((error) => console.log(error.message));
  }

  /** A request to the API with the key. @param {string} path @param {RequestOptions} [options] */
  api(path, options = {}) {
    return request(this.project.ports.API_PORT, path, {
      ...options,
      headers: { ...options.headers, authorization: `Bearer ${this.apiKey}` },
    });
  }

  /** @param {string} query */
  prometheus(query) {
    return queryPrometheus(this.project.ports.PROMETHEUS_PORT, query);
  }

  /** The ids of all devices of the fleet demo. */
  async deviceIds() {
    /** @type {string[]} */
    const ids = [];
    let cursor = '';
    do {
      const page = await json(this.api(`/v1/fleets/demo/devices?limit=100${cursor}`));
      for (const { device } of page.devices) ids.push(device);
      cursor = page.next ? `&cursor=${encodeURIComponent(page.next)}` : '';
    } while (cursor !== '');
    expect(new Set(ids).size === ids.length, 'a device is listed twice');
    return ids;
  }

  /** Publishes readings with the account of the fleet plant, one per line. @param {string} device @param {string} lines */
  publish(device, lines) {
    const options = `-h 127.0.0.1 -u plant -P '${this.plantPassword}' -q 1 -t plant/telemetry/${device}`;
    const command = `printf '%s\\n' '${lines}' | mosquitto_pub ${options} -l`;
    return this.project.inside('mosquitto', ['sh', '-c', command]);
  }

  /**
   * Sends a command over REST and waits until its lamp reports it. Tries again if a rule switches the lamp at the same time, which happens
   * as the simulated day continues.
   */
  async switchLamp() {
    const device = '/v1/fleets/demo/devices/lamp-0001';
    const isOn = async () => (await json(this.api(device))).last.measurements.led_on;
    await until('the lamp to follow a command', async () => {
      const wanted = !(await isOn());
      const response = await this.api(`${device}/commands`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ action: { led_on: wanted } }),
      });
      if (response.status !== 202) return `the API responds ${response.status}: ${await response.text()}`;
      const command = response.headers.get('location') ?? '';
      let state = '';
      await until('the command to end', async () => {
        ({ state } = await json(this.api(command)));
        return !OPEN_STATES.includes(state) || `its state is ${state}`;
      });
      // A rule's command may supersede it.
      if (state !== 'succeeded') return `the command is ${state}`;
      const reported = async () => (await isOn()) === wanted || `the lamp does not report led_on ${wanted}`;
      return until('the lamp to report it', reported, 5);
    });
  }
}
