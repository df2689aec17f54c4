import { parseBrokerUrl } from '@lamplighter/device/connection/broker';
import { DeviceClient } from '@lamplighter/device/device-client';
import { percentile } from '../../measure/statistics.js';
import { FLEET } from '../../testbed/servers.js';

/** Commands before the measured ones: they warm up the services, and the device comes online meanwhile. */
const WARM_UP = 100;
const DEVICE = 'lamp';

/**
 * Sends commands to one device, each after the previous one has ended. `p50Ms` and `p99Ms` are from the acceptance of a command to its
 * stored acknowledgement, by Redis's clock; `clientP99Ms` is what a client with `Prefer: wait` sees.
 * @throws Error if a command does not succeed
 */
export async function roundTrips(
  { apiUrl, key, mqttUrl }: { apiUrl: string; key: string; mqttUrl: string },
  commands: number,
) {
  const device = new DeviceClient({
    broker: parseBrokerUrl(mqttUrl),
    fleet: FLEET,
    device: DEVICE,
    execute: ({ led_on }) => ({ led_on }),
  });
  device.start();
  const stored: number[] = [];
  const seen: number[] = [];
  try {
    for (let n = 0; n < WARM_UP + commands; n += 1) {
      const since = performance.now();
      const response = await fetch(
        `${apiUrl}/v1/fleets/${FLEET}/devices/${DEVICE}/commands?allowUnknown=true`,
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
      const { state, transitions } = (await response.json()) as CommandView;
      if (state !== 'succeeded') throw new Error(`a command ended as ${state}, status ${response.status}`);
      if (n < WARM_UP) continue;
      seen.push(performance.now() - since);
      stored.push(Date.parse(transitions.at(-1)!.at) - Date.parse(transitions[0]!.at));
    }
  } finally {
    await device.close();
  }
  return {
    p50Ms: percentile(stored, 0.5),
    p99Ms: percentile(stored, 0.99),
    clientP99Ms: percentile(seen, 0.99),
  };
}

interface CommandView {
  readonly state: string;
  readonly transitions: readonly { readonly at: string }[];
}
