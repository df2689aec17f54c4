import { requireOpenFiles, TooManyDevices } from './open-files.js';

describe('the limit of open files', () => {
  it('lets through what fits', () => {
    expect(() => requireOpenFiles(936, 1, 1000)).not.toThrow();
    expect(() => requireOpenFiles(1)).not.toThrow();
  });

  it('says what is needed, what there is and what would do', () => {
    expect(() => requireOpenFiles(5000, 1, 1024)).toThrow(TooManyDevices);
    expect(() => requireOpenFiles(5000, 1, 1024)).toThrow(
      /DEVICES=5000 needs 5064 .* 1024.*ulimit.*at most 960/,
    );
  });
});
