import { spawn } from 'node:child_process';
import { setInterval } from 'node:timers/promises';
import { FLEET } from '@lamplighter/native/state/state';
import type { ScenarioStack } from './stack.js';

/** The rules that the scenario writes. The first replaces the existing one. */
const NIGHT_LIGHT = {
  id: 'night-light',
  description: 'Switch the lamp on while it is dark, and check that it shines',
  when: 'light < 300',
  clear: 'light > 330',
  dwell: '2s',
  then: { led_on: true },
  else: { led_on: false },
  effect: { expect: 'light > last.light + 20', within: '10s' },
};
const DUSK = {
  id: 'dusk',
  description: 'Switch a lamp on when most of nine sensors find it dark',
  scope: { devices: Array.from({ length: 9 }, (_, index) => lampName(index + 1)) },
  when: 'light < 250',
  quorum: { policy: 'majority' },
  target: { devices: [lampName(10)] },
  then: { led_on: true },
  else: { led_on: false },
  command: { lane: 'dusk' },
};
const SILENT = {
  id: 'silent',
  description: 'Request a report from a silent lamp',
  absence: { after: '15s' },
  then: { report: ['light'] },
  command: { policy: 'latest', lane: 'report', ttl: '2m' },
};

function lampName(number: number): string {
  return `lamp-${String(number).padStart(4, '0')}`;
}

/** Load from API clients and broken devices on a running stack. */
export class Traffic {
  private readonly api: string;

  constructor(
    private readonly stack: ScenarioStack,
    private readonly devices: number,
    private readonly until: AbortSignal,
  ) {
    this.api = `http://127.0.0.1:${stack.ports.API_PORT}/v1`;
  }

  /** Runs in the background until aborted. Failed requests are ignored: outages are part of the scenario. */
  start(): void {
    void this.repeatEvery(400, (n) =>
      this.get(n % 5 === 0 ? `/fleets/${FLEET}/ledger` : `/fleets/${FLEET}/devices?limit=20`),
    );
    void this.repeatEvery(1000, (n) =>
      this.sendCommand(lampName(1 + ((n * 37) % this.devices)), { report: ['light'] }, '10m'),
    );
    // Commands for a lamp that does not exist: they expire, are rejected immediately, or keep a request waiting.
    void this.repeatEvery(60_000, () => this.sendCommand('lamp-9999', { led_on: true }, '45s'));
    void this.repeatEvery(12_000, () =>
      this.sendCommand('lamp-9999', { led_on: true }, '1m', { policy: 'now' }),
    );
    void this.repeatEvery(30_000, () =>
      this.sendCommand('lamp-9999', { report: ['light'] }, '8s', {}, { Prefer: 'wait=8' }),
    );
    void this.repeatEvery(3000, () => this.sendGarbage());
    void this.repeatEvery(20_000, () => this.get('/fleets', 'lamp_wrong_key'));
    void this.repeatEvery(1000, () => this.watchEvents());
  }

  async changeRules(): Promise<void> {
    for (const rule of [NIGHT_LIGHT, DUSK, SILENT]) {
      const path = `/fleets/${FLEET}/rules/${rule.id}`;
      await this.send('PUT', path, rule, { 'If-Match': '*' }).then((status) =>
        status === 412 || status === 428 || status === 404 ? this.send('PUT', path, rule) : status,
      );
    }
  }

  async startRollout(): Promise<void> {
    const body = { action: { report: ['light'] }, lane: 'report', selector: {}, rate: 20 };
    await this.send('POST', `/fleets/${FLEET}/commands`, body);
  }

  private async sendCommand(
    device: string,
    action: object,
    ttl: string,
    more = {},
    headers = {},
  ): Promise<void> {
    await this.send('POST', `/fleets/${FLEET}/devices/${device}/commands`, { action, ttl, ...more }, headers);
  }

  private async get(path: string, key = this.stack.key): Promise<void> {
    const response = await fetch(this.api + path, {
      headers: { authorization: `Bearer ${key}` },
      signal: this.until,
    });
    await response.arrayBuffer();
  }

  /** @returns the status code */
  private async send(
    method: string,
    path: string,
    body: object,
    headers: Record<string, string> = {},
  ): Promise<number> {
    const response = await fetch(this.api + path, {
      method,
      headers: { authorization: `Bearer ${this.stack.key}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: this.until,
    });
    await response.arrayBuffer();
    return response.status;
  }

  /** Reads events until the stream ends. */
  private async watchEvents(): Promise<void> {
    const { body } = await fetch(`${this.api}/events`, {
      headers: { authorization: `Bearer ${this.stack.key}` },
      signal: this.until,
    });
    for await (const _ of body ?? []);
  }

  private async sendGarbage(): Promise<void> {
    const { ports, fleetPassword } = this.stack;
    const account = ['-h', '127.0.0.1', '-p', String(ports.MQTT_PORT), '-u', FLEET, '-P', fleetPassword];
    for (const payload of ['{"light":', '{"_seq":"one"}']) {
      const child = spawn('mosquitto_pub', [...account, '-t', `${FLEET}/telemetry/broken`, '-m', payload], {
        stdio: 'ignore',
      });
      await new Promise((resolve) => child.once('close', resolve).once('error', resolve));
    }
  }

  private async repeatEvery(ms: number, act: (n: number) => Promise<void>): Promise<void> {
    try {
      let n = 0;
      for await (const _ of setInterval(ms, undefined, { signal: this.until })) {
        await act(n).catch(() => undefined);
        n += 1;
      }
    } catch {
      // Aborted.
    }
  }
}
