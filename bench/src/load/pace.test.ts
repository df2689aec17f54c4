import { FlatOutPace } from './pace.js';

describe('FlatOutPace', () => {
  it('keeps the limit in flight and ends after its duration', () => {
    let inFlight = 0;
    const pace = new FlatOutPace(1000, 500, () => inFlight);
    expect(pace.dueBy(0)).toBe(500);
    inFlight = 500;
    expect(pace.dueBy(1)).toBe(500);
    inFlight = 420;
    expect(pace.dueBy(2)).toBe(580);
    expect([pace.dueAt(), pace.total]).toEqual([2, Number.POSITIVE_INFINITY]);
    inFlight = 0;
    expect([pace.dueBy(1000), pace.total]).toEqual([580, 580]);
  });

  it('sends nothing while more than the limit is in flight', () => {
    expect(new FlatOutPace(1000, 10, () => 25).dueBy(5)).toBe(0);
  });
});
