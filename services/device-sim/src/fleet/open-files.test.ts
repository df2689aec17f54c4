import { requireOpenFiles, TooManyDevices } from './open-files.js';

describe('requireOpenFiles', () => {
  it('accepts a sufficient limit', () => {
    expect(() => requireOpenFiles(936, 1, 1000)).not.toThrow();
    expect(() => requireOpenFiles(1)).not.toThrow();
  });

  it('names the required limit, the actual one and the possible number of devices', () => {
    expect(() => requireOpenFiles(5000, 1, 1024)).toThrow(TooManyDevices);
    expect(() => requireOpenFiles(5000, 1, 1024)).toThrow(
      /DEVICES=5000 needs 5064 .* 1024.*ulimit.*at most 960/,
    );
  });
});
