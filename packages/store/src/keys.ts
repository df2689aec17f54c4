/**
 * Every key of the store, and what lives behind it. `{17}` is the shard, a hash tag: all keys of one device, and the
 * schedules that belong to it, share a shard, so one function can change them together, even on Redis Cluster.
 *
 * | key                              | type | holds | bound, and when it is deleted |
 * |----------------------------------|------|-------|------------------------|
 * | `{s}:device:<fleet>/<device>`    | HASH | `rules` (rule states, JSON) and their `version`, `session` (see recordPresence-5.lua), `lesson`, `back` (when it returned, until its pending commands are woken), `lane:<lane>` (last sequence), `open:<lane>` (open commands, see device.lua), `kept` and `open` (numbers of all commands), settings (`interval`, JSON, and what follows from it: `interval:longest`, the longest time between readings, ms; `edge`, `edge:told`, `edge:confirmed`, `edge:confirmed-seq`, see edge-settings.ts), `stopped:<lane>` (the command whose failure stopped it), counts of the ledger (`late`, `duplicate`, `stale`, `rejected`, `taken`, `dropped`, `from`, `again`), `forget-after`; of a removed device for a day `session`, `from`, `dropped`, `again`, `removed` | one per device |
 * | `{s}:window:<fleet>/<device>`    | LIST | readings in device order, `received,late,count,n,seq,at,<replica>.<part>,json`; the last one is the last state | `WINDOW_SIZE` and a stride, and `WINDOW_BYTES`, trimmed on write |
 * | `{s}:presence:<fleet>`           | ZSET | device → online until (ms); 0 offline, 0.5 offline by its own goodbye after a birth with `forgetAfter`, -1 never seen | one per device |
 * | `{s}:states:<fleet>`             | HASH | device → `published at (ms),digest` of its state that the broker retains | one per device; deleted when the broker no longer retains it |
 * | `{s}:devices:<fleet>`            | ZSET | device names, score 0, in lexical order | `MAX_DEVICES_PER_FLEET` |
 * | `{s}:fleets`                     | SET  | fleet names | one per fleet |
 * | `{s}:commands`                   | HASH | command id → header line and JSON, written once | `COMMANDS_KEPT_PER_DEVICE` |
 * | `{s}:transitions`                | HASH | command id → `state,at,attempt,cause` joined by `;`; the last one is the state | about 2 kB: the oldest after the first are pruned; with the command |
 * | `{s}:answers`                    | HASH | command id → the device's acknowledgement, JSON; `<id>:effect` → `outcome,at,evidence`; `<id>:unread` → invalid acknowledgements, JSON, one per line, newest first | with the command |
 * | `{s}:queue`                      | ZSET | open commands, `<fleet>/<device>/<lane>/<seq>/<id>`, score 0: each lane in order | `MAX_OPEN_COMMANDS` per device; leaves with the final state |
 * | `{s}:index`                      | ZSET | all kept commands, `<fleet>/<device>/<id>`, score 0 | as `commands` |
 * | `{s}:due`                        | ZSET | open command id → when it next needs attention (ms): dispatch, lease end or expiry | as `queue` |
 * | `{s}:effects`                    | ZSET | succeeded commands whose effect is checked, `<fleet>/<device>/<id>` → when to check next (ms) | as `commands`; leaves with the outcome |
 * | `{s}:outcomes:<fleet>/<device>`  | HASH | rule → the last measured effect, `outcome,at,command id` | `OUTCOMES_KEPT_PER_DEVICE`, the oldest are pruned |
 * | `{s}:ineffective:<fleet>`        | ZSET | devices with an `ineffective` outcome, score 0, in lexical order | one per device |
 * | `{s}:timers`                     | ZSET | `device/<fleet>/<device>`, `group/<fleet>/<rule>` → when its rules are evaluated without a reading (ms) | one per device and group with a rule that needs it |
 * | `{s}:group:<fleet>/<rule>`       | HASH | a quorum: `v:<device>` → `received,vote,since`, and the group state: `state` (JSON) and its `version` | `RULE_BOUNDS.maxSensors` votes; with the rule |
 * | `{s}:edge:<fleet>/<device>`     | HASH | edge decisions: id → `received,decision` (JSON), `<id>:judgement` → the server's judgement (JSON); `dropped` | `EDGE_BOUNDS.maxDecisions`, the oldest are pruned |
 * | `{s}:edge-due`                  | ZSET | `<fleet>/<device>` → when its decisions are evaluated (ms) | one per device, deleted when all have a judgement |
 * | `{s}:forget-due`                | ZSET | `<fleet>/<device>` whose birth had `forgetAfter` → when it can be removed (ms) | one per such device |
 * | `{s}:departures`                | ZSET | pending cleanups: `<fleet>/<device>/<ms>`, removed at that time → when to clear its other data (ms): retained presence, votes, samples | deleted when that is done |
 * | `{s}:rollouts`                  | HASH | counts of unfinished rollouts: `<id>:enqueued`, `<id>:skipped:<reason>`, `<id>:<final state>`; and the progress of each in this shard: `<id>:after` (device), `<id>:token` | few fields per unfinished rollout, deleted when all its commands have ended |
 * | `{s}:idempotency:<fleet>/<device>/<hash>` | STRING | `<command id> <hash of the request>` | expires after a day |
 * | `{s}:ledger:<fleet>`             | HASH | counts that never shrink: commands `issued:<source>` and by final state, readings `rejected:<reason>`, and of removed devices `removed:<count>` | one per fleet |
 * | `{lamplighter}:rollout:<id>`     | HASH | a rollout: `request` (JSON), `state`, `phase`, its position, the `token` of its lease, finally its `counts` | `ROLLOUTS_KEPT_PER_FLEET` |
 * | `{lamplighter}:rollouts:<fleet>` | ZSET | ids of a fleet's rollouts, score 0 | as `rollout` |
 * | `{lamplighter}:rollouts-due`     | ZSET | unfinished rollout → when a replica can claim it (ms): immediately, or when a lease ends | `MAX_UNFINISHED_ROLLOUTS` |
 * | `{lamplighter}:removal:<fleet>`  | HASH | the removal of a fleet: `state`, its position, devices `removed` so far | kept for a day after its end |
 * | `{lamplighter}:removals-due`     | ZSET | fleet whose removal is unfinished → when a replica can claim it (ms) | one per fleet |
 * | `{lamplighter}:rules:<fleet>`    | HASH | rule id → its current version, JSON (see rules.ts) | `RULE_BOUNDS.maxRules` |
 * | `{lamplighter}:rule-versions:<fleet>/<rule>` | LIST | versions of a rule, newest first, JSON | `RULE_VERSIONS_KEPT`; a deleted rule's for 30 days |
 * | `{lamplighter}:rules-revisions`  | HASH | fleet → how often its rules were written; `*` → how often any were | one per fleet |
 * | `{lamplighter}:rule-errors:<fleet>` | HASH | rule id → the latest error of its current version (see rule-errors.ts) | as `rules` |
 * | `{lamplighter}:rule-releases:<fleet>` | HASH | rule id → the version whose commands and runs are to be released, JSON (see rule-releases.ts) | as `rules`; expires an hour after the last one |
 * | `{lamplighter}:rules-off`        | HASH | fleet → when its rules were switched off (ms) | one per fleet |
 * | `{lamplighter}:telemetry-schemas` | HASH | fleet → its telemetry schema, JSON | one per fleet |
 * | `{lamplighter}:measurement-names:<fleet>` | SET | names of the measurements in a sample of its readings (see measurement-names.ts) | 1000 per fleet |
 * | `{lamplighter}:fleet-settings`   | HASH | `<fleet>/<setting>` → value; `*` → how often any was written | few per fleet |
 * | `{lamplighter}:edge-rules`       | HASH | `<fleet>/<device>` → its edge rule; `…-walk` is the lease of the replica that checks whether devices have its current version | one per device |
 * | `{lamplighter}:accounts`         | HASH | device → its account at the broker, JSON (see device-accounts.ts); `*` → how often any was changed | `MAX_ACCOUNTS`, and `MAX_ACCOUNTS_KEPT` with revoked ones |
 * | `{lamplighter}:account-names`    | ZSET | `<fleet>/<device>` of accounts that are not revoked, score 0, in lexical order | as `accounts` |
 * | `{lamplighter}:…`                | -    | shard count, API keys, audit trail, recent events, samples of rejected input | see their files |
 */
export const SHARDS = 64;

/** Readings kept per device. */
export const WINDOW_SIZE = 240;
/** Bytes of the readings kept per device, about: readings of more than 1 kB shorten the window. */
export const WINDOW_BYTES = 262_144;
/** Devices of one fleet, limited per shard (so the total varies slightly); more are rejected as `unknown_device`. */
export const MAX_DEVICES_PER_FLEET = 200_000;
/** Open commands of one device; more are rejected, never dropped. */
export const MAX_OPEN_COMMANDS = 100;
/** Commands kept per device, open and final; the oldest final ones are pruned. */
export const COMMANDS_KEPT_PER_DEVICE = 100;
/** How many more are kept before they are pruned, because pruning costs as much as enqueuing. */
export const PRUNE_STRIDE = 16;
/** Rules whose last effect is kept, per device. */
export const OUTCOMES_KEPT_PER_DEVICE = 100;
/** A dispatch without an acknowledgement is repeated after this time, milliseconds; it doubles with each attempt. */
export const LEASE_MS = 5000;
/** A device that is silent for this long is stale, milliseconds. */
export const FRESH_MS = 30_000;

/** Shard of a device, 0 to 63. */
export function shardOf(fleet: string, device: string): number {
  return crc16(`${fleet}/${device}`) % SHARDS;
}

/** CRC-16/XMODEM, the checksum that Redis Cluster uses for slots. Names are ASCII. */
export function crc16(text: string): number {
  let crc = 0;
  for (let i = 0; i < text.length; i += 1) {
    crc = ((crc << 8) & 0xffff) ^ CRC16_TABLE[((crc >> 8) ^ text.charCodeAt(i)) & 0xff]!;
  }
  return crc;
}

const CRC16_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/** Keys of one device. */
export const deviceKey = (shard: number, fleet: string, device: string) =>
  `{${shard}}:device:${fleet}/${device}`;
export const windowKey = (shard: number, fleet: string, device: string) =>
  `{${shard}}:window:${fleet}/${device}`;
export const idempotencyKey = (shard: number, fleet: string, device: string, hash: string) =>
  `{${shard}}:idempotency:${fleet}/${device}/${hash}`;

/** A quorum's votes; its shard is that of `<fleet>/<rule>`. */
export const groupKey = (fleet: string, rule: string) => `{${shardOf(fleet, rule)}}:group:${fleet}/${rule}`;

export const outcomesKey = (shard: number, fleet: string, device: string) =>
  `{${shard}}:outcomes:${fleet}/${device}`;

export const edgeKey = (shard: number, fleet: string, device: string) => `{${shard}}:edge:${fleet}/${device}`;

/** Keys of one fleet in one shard. */
export const ineffectiveKey = (shard: number, fleet: string) => `{${shard}}:ineffective:${fleet}`;
export const presenceKey = (shard: number, fleet: string) => `{${shard}}:presence:${fleet}`;
export const statesKey = (shard: number, fleet: string) => `{${shard}}:states:${fleet}`;
export const ledgerKey = (shard: number, fleet: string) => `{${shard}}:ledger:${fleet}`;
export const devicesKey = (shard: number, fleet: string) => `{${shard}}:devices:${fleet}`;

/** Keys of one shard. */
export const fleetsKey = (shard: number) => `{${shard}}:fleets`;
export const timersKey = (shard: number) => `{${shard}}:timers`;
export const rolloutsKey = (shard: number) => `{${shard}}:rollouts`;
export const edgeDueKey = (shard: number) => `{${shard}}:edge-due`;
export const effectsKey = (shard: number) => `{${shard}}:effects`;
export const forgetDueKey = (shard: number) => `{${shard}}:forget-due`;
export const cleanupsKey = (shard: number) => `{${shard}}:departures`;

/** The command keys of one shard, in the order in which every function on commands takes them. */
export const commandKeys = (shard: number) =>
  ['commands', 'transitions', 'answers', 'queue', 'index', 'due'].map((name) => `{${shard}}:${name}`);
/** The command keys and the counters, for functions that enqueue or end commands of a fleet. */
export const countedCommandKeys = (shard: number, fleet: string) => [
  ...commandKeys(shard),
  rolloutsKey(shard),
  ledgerKey(shard, fleet),
];

/** Keys that belong to no device. */
export const SHARD_COUNT_KEY = '{lamplighter}:shards';
export const API_KEYS_KEY = '{lamplighter}:api-keys';
export const API_KEYS_USED_KEY = '{lamplighter}:api-keys-used';
/** Accounts of devices, and `<fleet>/<device>` of each that is not revoked. */
export const ACCOUNTS_KEY = '{lamplighter}:accounts';
export const ACCOUNT_NAMES_KEY = '{lamplighter}:account-names';
export const auditKey = (scope: string) => `{lamplighter}:audit:${scope}`;
export const EVENTS_KEY = '{lamplighter}:events';
/** Samples of rejected input, a LIST per kind, newest first; and which samples another replica has recorded. */
export const rejectedKey = (kind: string) => `{lamplighter}:rejected:${kind}`;
export const rejectedOnceKey = (hash: string) => `{lamplighter}:rejected-once:${hash}`;
/** Rollouts: one HASH each, those of a fleet by id, and when a replica can next claim an unfinished one (ms). */
export const rolloutKey = (id: string) => `{lamplighter}:rollout:${id}`;
export const fleetRolloutsKey = (fleet: string) => `{lamplighter}:rollouts:${fleet}`;
export const rolloutIdempotencyKey = (fleet: string, hash: string) =>
  `{lamplighter}:rollout-idempotency:${fleet}/${hash}`;
export const ROLLOUTS_DUE_KEY = '{lamplighter}:rollouts-due';
/** The removal of a fleet, and when a replica can next claim an unfinished one (ms). */
export const removalKey = (fleet: string) => `{lamplighter}:removal:${fleet}`;
export const REMOVALS_DUE_KEY = '{lamplighter}:removals-due';
/** Rules of a fleet, the versions of a rule, rule errors, releases, and the revision of each fleet's rules. */
export const rulesKey = (fleet: string) => `{lamplighter}:rules:${fleet}`;
export const ruleVersionsKey = (fleet: string, rule: string) =>
  `{lamplighter}:rule-versions:${fleet}/${rule}`;
export const ruleErrorsKey = (fleet: string) => `{lamplighter}:rule-errors:${fleet}`;
export const ruleReleasesKey = (fleet: string) => `{lamplighter}:rule-releases:${fleet}`;
export const RULES_OFF_KEY = '{lamplighter}:rules-off';
export const RULES_REVISIONS_KEY = '{lamplighter}:rules-revisions';
export const EDGE_RULES_KEY = '{lamplighter}:edge-rules';
export const FLEET_SETTINGS_KEY = '{lamplighter}:fleet-settings';
export const TELEMETRY_SCHEMAS_KEY = '{lamplighter}:telemetry-schemas';
export const measurementNamesKey = (fleet: string) => `{lamplighter}:measurement-names:${fleet}`;
/** Channel for the shard of each enqueued command; dispatchers subscribe to it. */
export const WAKE_CHANNEL = '{lamplighter}:wake';
