import { inScope } from './device-scope.js';

it.each<[scope: '*' | string[], device: string, isIn: boolean]>([
  ['*', 'lamp-1', true],
  [['lamp-1'], 'lamp-1', true],
  [['lamp-1'], 'lamp-10', false],
  [['lamp-*'], 'lamp-10', true],
  [['lamp-*'], 'lamp', false],
  [['pump-1', 'l*'], 'lamp-10', true],
])('inScope: scope %j includes %s: %s', (scope, device, isIn) => {
  expect(inScope(scope, device)).toBe(isIn);
});
