import { radioReport } from './radio-report.js';

it('reports radio use per decision, and per lamp and hour', () => {
  const use = { bytesSent: 90_000, bytesReceived: 30_000, wakeUps: 600, decisions: 24 };
  expect(radioReport(use, 2, 1_800_000)).toBe(
    'radio of 2 lamps in 1800 s: 90.0 kB sent, 30.0 kB received, 600 wake-ups, 24 decisions; ' +
      'per decision 5.0 kB and 25.0 wake-ups; per lamp and hour 120.0 kB and 600.0 wake-ups',
  );
});

it('reports no cost per decision without a decision', () => {
  const use = { bytesSent: 900, bytesReceived: 100, wakeUps: 1, decisions: 0 };
  expect(radioReport(use, 1, 3_600_000)).toContain(
    '0 decisions; per decision none; per lamp and hour 1.0 kB',
  );
});
