import type { Row } from '../../board.js';
import { linesPanel } from '../../panels.js';
import { REPLICA, sumRate } from '../../promql.js';

/** Sessions of all devices, simulated or not. */
export const PRESENCE_ROW: Row = [
  'Presence and removal',
  [
    linesPanel({
      title: 'Births and wills',
      description:
        'Births and wills by result. Ignored: from an older session. Delayed: of a new device, until its fleet can add devices again.',
      unit: 'cps',
      queries: [[sumRate(`presence_messages_total{${REPLICA}}`, 'result'), '{{result}}']],
      width: 6,
      height: 7,
      colors: { born: 'green', gone: 'yellow', malformed: 'red', full: 'dark-red' },
    }),
    linesPanel({
      title: 'Published states',
      description:
        'Last states that the service publishes for late subscribers: published, removed, or dropped because too many waited or the link was down.',
      unit: 'cps',
      queries: [[sumRate(`state_publishes_total{${REPLICA}}`, 'result'), '{{result}}']],
      width: 6,
      height: 7,
      colors: { published: 'green', dropped: 'red' },
    }),
    linesPanel({
      title: 'Ended sessions',
      description:
        'Sessions of all devices, by cause. Will: a will or goodbye. Takeover: a new session while the old one was open. Timeout: silence, counted when the device returns.',
      unit: 'cps',
      queries: [[sumRate(`device_sessions_lost_total{${REPLICA}}`, 'cause'), '{{cause}}']],
      width: 6,
      height: 7,
      colors: { will: 'yellow', takeover: 'blue', timeout: 'red' },
    }),
    linesPanel({
      title: 'Removed devices',
      description:
        'Devices removed with all their data: offline for longer than their birth allows (forget_after), with their fleet, or by an API request.',
      unit: 'cps',
      queries: [[sumRate('devices_removed_total', 'cause'), '{{cause}}']],
      width: 6,
      height: 7,
    }),
  ],
];
