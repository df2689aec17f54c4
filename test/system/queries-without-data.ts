/** Dashboard queries (`dashboard: panel: query`) without a result on a healthy stack without containers, with the reason. */
export const WITHOUT_DATA: Readonly<Record<string, string>> = {
  '5 Broker and Redis: Redis memory: A':
    'a share of the memory limit, which Redis has only in containers; the panel shows "no limit, or down"',
};
