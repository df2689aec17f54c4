import { shareGroup } from './share-group.js';

const of = (account: string, rest = 'broker:1883') => shareGroup(`mqtt://${account}@${rest}`);

describe('shareGroup', () => {
  it('is the same for all replicas, regardless of the broker address and the encoding of the password', () => {
    expect(of('rules:s3cret')).toBe(of('rules:s3cret', '127.0.0.1:1884'));
    expect(of('rules:s3cret')).toBe(of('rules:%733cret'));
  });

  it('differs by password and account, and contains neither', () => {
    expect(new Set([of('rules:one'), of('rules:two'), of('other:one')]).size).toBe(3);
    expect(of('rules:one')).toMatch(/^rules-[\w-]{43}$/);
  });

  it('is a fixed name without a password', () => {
    expect(shareGroup('mqtt://broker:1883')).toBe('rules');
  });
});
