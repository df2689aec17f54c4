import { randomBytes } from 'node:crypto';
import { weaknessOf } from './secret-strength.js';

it.each([
  ['', 'is shorter than 16 characters'],
  ['secret', 'is shorter than 16 characters'],
  ['k7Qp2ZxW9rTb4Ls', 'is shorter than 16 characters'],
  ['aaaaaaaaaaaaaaaaaaaa', 'has fewer than 8 different characters'],
  ['abcabcabcabcabcabcabc', 'has fewer than 8 different characters'],
  ['passwordpassword', 'has fewer than 8 different characters'],
  ['Password123456789!', 'consists of well-known words'],
  ['changeme-changeme-admin', 'consists of well-known words'],
  ['correcthorsebatterystaple', 'consists of well-known words'],
  ['lamplighter-mqtt-password-1', 'consists of well-known words'],
  ['1234567890qwertyuiop', 'consists of well-known words'],
])('refuses "%s", because it %s', (secret, weakness) => {
  expect(weaknessOf(secret)).toBe(weakness);
});

it('accepts every generated secret', () => {
  for (let i = 0; i < 10_000; i += 1)
    expect(weaknessOf(randomBytes(24).toString('base64url'))).toBeUndefined();
});
