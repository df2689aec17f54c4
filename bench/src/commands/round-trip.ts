import { parseBrokerUrl } from '@lamplighter/device/connection/broker';
import { DeviceClient } from '@lamplighter/device/device-client';
import { percentile } from '../measure/statistics.js';

/** Times in milliseconds. */
export interface RoundTrips {
  readonly commands: number;
  /** From the moment the command is taken to the moment its device's answer is stored, both by Redis's clock. */
  readonly storedP50: number;
  readonly storedP99: number;
  /** From request to answer for a client that waits for the end of the command (`Prefer: wait`). */
  readonly toldP50: number;
  readonly toldP99: number;
}

/** Commands before those that count: they compile the services, and wait for the device to come online. */
const WARM_UP = 100;

/**
 * Sends commands to one device, each once the one before has ended.
 * @throws Error if one does not succeed
 */
export async function roundTrips(
  { apiUrl, key, mqttUrl, fleet }: { apiUrl: string; key: string; mqttUrl: string; fleet: string },
  commands: number,
): Promise<RoundTrips> {
  const device = 'lamp-00001';
  const lamp = new DeviceClient({
    broker: parseBrokerUrl(mqttUrl),
    fleet,
    device,
    execute: ({ led_on }) => ({ led_on }),
  });
  lamp.start();
  const stored: number[] = [];
  const told: number[] = [];
  try {
    for (let n = 0; n < WARM_UP + commands; n += 1) {
      const since = performance.now();
      const response = await fetch(
        `${apiUrl}/v1/fleets/${fleet}/devices/${device}/commands?allowUnknown=true`,
        {
          method: 'POST',
          headers: {
            authorization: `Bearer ${key}`,
            'content-type': 'application/json',
            prefer: 'wait=30',
          },
          body: JSON.stringify({ action: { led_on: n % 2 === 0 } }),
        },
      );
      const { state, transitions } = (await response.json()) as Told;
      if (state !== 'succeeded') throw new Error(`a command ended as ${state}, status ${response.status}`);
      if (n < WARM_UP) continue;
      told.push(performance.now() - since);
      stored.push(Date.parse(transitions.at(-1)!.at) - Date.parse(transitions[0]!.at));
    }
  } finally {
    await lamp.close();
  }
  return {
    commands,
    storedP50: percentile(stored, 0.5),
    storedP99: percentile(stored, 0.99),
    toldP50: percentile(told, 0.5),
    toldP99: percentile(told, 0.99),
  };
}

interface Told {
  readonly state: string;
  readonly transitions: readonly { readonly at: string }[];
}
