import { numbersSchema, STEP_MS } from './numbers.schema.js';
import { numbersBody } from './numbers-body.js';

const at = Date.parse('2026-11-22T12:00:00Z');
const alert = (alertname: string, severity: string, state: string) => ({
  labels: { alertname, severity },
  annotations: { summary: `${alertname}.` },
  state,
  activeAt: '2026-11-22T11:58:00.5Z',
});

it('places each value at its step and leaves the others null', () => {
  const values = [
    [at / 1000, '4.5'],
    [(at - 2 * STEP_MS) / 1000, '3'],
    [(at - 3 * STEP_MS) / 1000, 'NaN'],
  ] as const;
  const body = numbersBody({ at, series: [{ metric: { number: 'telemetryRate' }, values }], alerts: [] });
  expect(numbersSchema.parse(body)).toEqual(body);
  const [telemetryRate, ...others] = body.numbers;
  expect(telemetryRate).toMatchObject({ name: 'telemetryRate' });
  expect(telemetryRate!.values).toHaveLength(61);
  expect(telemetryRate!.values.slice(-4)).toEqual([null, 3, null, 4.5]);
  expect(others.flatMap(({ values }) => values).every((value) => value === null)).toBe(true);
});

it('lists alerts that page first, pending alerts last, and not the Watchdog', () => {
  const alerts = [
    alert('Watchdog', 'none', 'firing'),
    alert('Slow', 'page', 'pending'),
    alert('Loss', 'ticket', 'firing'),
    alert('Down', 'page', 'firing'),
  ];
  const { alerts: listed } = numbersBody({ at, series: [], alerts });
  expect(listed?.map(({ name }) => name)).toEqual(['Down', 'Loss', 'Slow']);
  expect(listed?.[0]).toEqual({
    name: 'Down',
    severity: 'page',
    summary: 'Down.',
    since: '2026-11-22T11:58:00.500Z',
    state: 'firing',
  });
});
