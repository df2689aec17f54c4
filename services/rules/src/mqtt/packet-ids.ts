/** Packet ids below this are for the PUBLISH packets of the link, the others for MQTT.js (SUBSCRIBE and UNSUBSCRIBE). */
export const FIRST_FOREIGN_ID = 0xff00;

/** Allocates packet ids for MQTT.js, which needs one at a time. */
export function foreignIds() {
  let last = FIRST_FOREIGN_ID - 1;
  return {
    allocate: () => (last = last >= 0xffff ? FIRST_FOREIGN_ID : last + 1),
    getLastAllocated: () => last,
    register: () => true,
    deallocate: () => undefined,
    clear: () => undefined,
  };
}
