/** First packet id for MQTT.js (SUBSCRIBE and UNSUBSCRIBE); lower ones are for PUBLISH packets of the link. */
export const FIRST_CLIENT_ID = 0xff00;

/** The packet id provider for MQTT.js, which has at most one request in flight. */
export function clientPacketIds() {
  let last = FIRST_CLIENT_ID - 1;
  return {
    allocate: () => (last = last >= 0xffff ? FIRST_CLIENT_ID : last + 1),
    getLastAllocated: () => last,
    register: () => true,
    deallocate: () => undefined,
    clear: () => undefined,
  };
}
