import { clientPacketIds, FIRST_CLIENT_ID } from './packet-ids.js';

it('allocates the reserved packet ids in a cycle', () => {
  const ids = clientPacketIds();
  const count = 0xffff - FIRST_CLIENT_ID + 1;
  const allocated = Array.from({ length: count }, () => ids.allocate());
  expect([allocated[0], allocated.at(-1), new Set(allocated).size]).toEqual([FIRST_CLIENT_ID, 0xffff, count]);
  expect([ids.allocate(), ids.getLastAllocated()]).toEqual([FIRST_CLIENT_ID, FIRST_CLIENT_ID]);
});
