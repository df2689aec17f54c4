import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../state/repository.js';
import { brokerLimits } from './broker-limits.js';

const read = (file: string) => readFileSync(join(REPOSITORY, 'mosquitto', file), 'utf8');
const numberIn = (text: string, option: string) =>
  Number(new RegExp(`^${option} (\\d+)$`, 'm').exec(text)?.[1]);
const limits = read('conf.d/limits.conf');

describe('brokerLimits', () => {
  it('equal those of the configuration files for a small fleet', () => {
    expect(brokerLimits(50, 20_000)).toEqual({
      maxConnections: numberIn(read('mosquitto.conf'), 'max_connections'),
      memoryBytes: numberIn(limits, 'memory_limit'),
      openFiles: 3100,
    });
  });

  it.each([50, 3000, 20_000, 100_000])(
    'leave memory for other clients, whatever unknown clients announce, with %d devices',
    (devices) => {
      const { maxConnections, memoryBytes, openFiles } = brokerLimits(devices, 1_000_000);
      expect(maxConnections).toBeGreaterThan(devices);
      const remaining = memoryBytes - openFiles * numberIn(limits, 'max_packet_size');
      expect(remaining).toBeGreaterThan(100 * 1024 * 1024);
    },
  );

  it('leave open files for the services if the limit is low', () => {
    expect(brokerLimits(50, 1024).maxConnections).toBe(924);
  });

  it('allow the largest payload that the services accept', () => {
    const maxPayloadBytes = 262_144;
    expect(numberIn(limits, 'max_packet_size')).toBeGreaterThan(maxPayloadBytes + 4096);
  });
});
