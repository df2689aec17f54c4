import { burnsOutIn, type CheckedCommand, score } from './score.js';

const command = (device: string, outcome: CheckedCommand['outcome'], succeededAt = 1000): CheckedCommand => ({
  device,
  outcome,
  succeededAt,
});

it('precision and recall count measured commands only', () => {
  const burnsOut = new Map([
    ['bad', 0],
    ['worse', 0],
  ]);
  const commands = [
    command('bad', 'ineffective'),
    command('bad', 'ineffective'),
    command('worse', 'effective'),
    command('worse', 'unmeasured'),
    command('good', 'effective'),
    command('good', 'ineffective'),
    command('good', 'pending'),
  ];
  expect(score(commands, burnsOut, 500)).toEqual({
    burnt: { pending: 0, effective: 1, ineffective: 2, unmeasured: 1 },
    healthy: { pending: 1, effective: 1, ineffective: 1, unmeasured: 0 },
    between: 0,
    precision: 2 / 3,
    recall: 2 / 3,
  });
});

it('without anything to count there is no share', () => {
  expect(score([], new Map(), 500)).toMatchObject({ precision: undefined, recall: undefined });
});

it.each([
  [1000, 'burnt'],
  [1001, 'between'],
  [1500, 'between'],
  [1501, 'healthy'],
] as const)('a lamp that burns out at %d of a command that succeeded at 1000 is %s', (at, which) => {
  const { burnt, healthy, between } = score([command('a', 'effective')], new Map([['a', at]]), 500);
  expect({ burnt: burnt.effective, healthy: healthy.effective, between }).toEqual({
    ...{ burnt: 0, healthy: 0, between: 0 },
    [which]: 1,
  });
});

it('the journal tells when lamps burn out', () => {
  const journal = [
    '{"t":1,"event":"burns_out","device":"lamp-0003","at":5}',
    '{"t":2,"event":"taken","device":"lamp-0001","seq":1,"n":1}',
    '{"t":2,"event":"tak',
  ].join('\n');
  expect(burnsOutIn(journal)).toEqual(new Map([['lamp-0003', 5]]));
});
