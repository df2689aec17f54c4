import { inScope } from './device-scope.js';

it.each<[scope: '*' | string[], device: string, isIn: boolean]>([
  ['*', 'lamp-1', true],
  [['lamp-1'], 'lamp-1', true],
  [['lamp-1'], 'lamp-10', false],
  [['lamp-*'], 'lamp-10', true],
  [['lamp-*'], 'lamp', false],
  [['pump-1', 'l*'], 'lamp-10', true],
])('a scope of %j: %s is in it: %s', (scope, device, isIn) => {
  expect(inScope(scope, device)).toBe(isIn);
});
