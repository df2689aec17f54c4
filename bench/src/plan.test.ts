import { FULL, QUICK, withOverrides } from './plan.js';

describe('withOverrides', () => {
  it('replaces the length and the number of all trials', () => {
    const plan = withOverrides(FULL, { seconds: 3, repeats: 1 });
    expect(plan.flatOut).toEqual({ ...FULL.flatOut, seconds: 3, repeats: 1 });
    expect(plan.sustained).toEqual({ ...FULL.sustained, seconds: 3, repeats: 1 });
    expect(plan.flood).toEqual({ seconds: 3 });
  });

  it('keeps a plan without overrides', () => {
    expect(withOverrides(QUICK, { seconds: undefined, repeats: undefined })).toEqual(QUICK);
  });
});
