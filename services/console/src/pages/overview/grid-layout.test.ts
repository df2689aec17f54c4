import { cellAfterKey, cellAt, gridLayout } from './grid-layout.js';

it.each([1, 7, 50, 500, 2500, 10_000])('places %d devices within the width and height', (count) => {
  const { columns, rows, pitch, height } = gridLayout(count, 900, 420);
  expect(columns * pitch).toBeLessThanOrEqual(900);
  expect(columns * rows).toBeGreaterThanOrEqual(count);
  expect(height).toBeLessThanOrEqual(420);
});

it('keeps cells at 5 pixels and grows in height on a phone', () => {
  const { pitch, height } = gridLayout(10_000, 320, 300);
  expect(pitch).toBe(5);
  expect(height).toBe(785);
});

it('finds the cell at a point', () => {
  const layout = gridLayout(50, 340, 340);
  expect(cellAt(layout, 50, 1, 1)).toBe(0);
  expect(cellAt(layout, 50, layout.pitch * 1.5, layout.pitch * 1.5)).toBe(layout.columns + 1);
  expect(cellAt(layout, 50, -1, 1)).toBeUndefined();
  expect(cellAt(layout, 50, 339, 5000)).toBeUndefined();
});

it('moves by keys and stays within the map', () => {
  const layout = gridLayout(50, 340, 340);
  expect(cellAfterKey(layout, 50, 0, 'ArrowRight')).toBe(1);
  expect(cellAfterKey(layout, 50, 0, 'ArrowUp')).toBe(0);
  expect(cellAfterKey(layout, 50, 0, 'ArrowDown')).toBe(layout.columns);
  expect(cellAfterKey(layout, 50, 7, 'End')).toBe(49);
  expect(cellAfterKey(layout, 50, 7, 'Home')).toBe(0);
  expect(cellAfterKey(layout, 50, 7, 'a')).toBeUndefined();
});
