import { shareGroup } from './share-group.js';

const of = (account: string, rest = 'broker:1883') => shareGroup(`mqtt://${account}@${rest}`);

describe('the share group', () => {
  it('is the same for every replica of an installation, however the broker is reached and the password is spelled', () => {
    expect(of('rules:s3cret')).toBe(of('rules:s3cret', '127.0.0.1:1884'));
    expect(of('rules:s3cret')).toBe(of('rules:%733cret'));
  });

  it('is another one for another password or account, and holds neither', () => {
    expect(new Set([of('rules:one'), of('rules:two'), of('other:one')]).size).toBe(3);
    expect(of('rules:one')).toMatch(/^rules-[\w-]{43}$/);
  });

  it('is a fixed name where the broker asks for no password', () => {
    expect(shareGroup('mqtt://broker:1883')).toBe('rules');
  });
});
