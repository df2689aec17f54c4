import { FINAL_STATES, OPEN_STATES } from '@lamplighter/contracts/commands/command';
import { SKIP_REASONS } from '@lamplighter/contracts/rollouts/rollout';
import { INPUT_KINDS, INPUT_REASONS, SUSPICIONS } from '@lamplighter/contracts/telemetry/input-fault';
import { HISTORY_REASONS, REJECT_REASONS } from '@lamplighter/contracts/telemetry/reading';
import { LATENCY_BUCKETS, Metrics } from '@lamplighter/service-kit/metrics';
import { unexpectedErrorsCounter } from '@lamplighter/service-kit/unexpected-errors';
import { JUDGEMENTS } from '@lamplighter/store/edge/edge';
import { STORE_DURABILITY_HELP } from '@lamplighter/store/redis/connect';
import { RESTART_REASONS } from '@lamplighter/store/telemetry/reading-order';
import { BrokerMetrics } from './broker-metrics/broker-metrics.js';

const SOURCES = ['rule', 'api', 'rollout'] as const;

/** What calls to Redis are for. */
const STORE_OPERATIONS = [
  'accept',
  'claim',
  'answer',
  'requeue',
  'presence',
  'events',
  'rejected',
  'wake',
  'rollout',
  'timers',
  'history',
  'rules',
  'groups',
  'effect',
  'edge',
  'removal',
  'state',
] as const;
export type StoreOperation = (typeof STORE_OPERATIONS)[number];

/** Places that report unexpected errors. */
const ERROR_PLACES = [
  'handler',
  'store_write',
  'timers',
  'groups',
  'dispatch',
  'edge',
  'effects',
  'rollouts',
  'removal',
  'state',
  'rule_book',
  'rejected',
  'live_events',
  'canary',
  'readiness',
] as const;
export type ErrorPlace = (typeof ERROR_PLACES)[number];

/** Every metric of the rules service, declared together. */
export class RulesMetrics extends Metrics {
  readonly telemetry = this.counter('telemetry_messages_total', 'Readings by what became of them', {
    result: ['accepted', 'late', 'duplicate', 'stale', 'retained', 'rejected', 'retried', 'failed'],
  });
  readonly rejected = this.counter(
    'telemetry_rejected_total',
    'Refused readings, and messages that hold none, by reason',
    {
      reason: REJECT_REASONS,
    },
  );
  readonly unjudged = this.counter(
    'telemetry_unjudged_total',
    'Readings that no rule judged, because they were history when they came, by reason',
    { reason: HISTORY_REASONS },
  );
  readonly orderRestarts = this.counter(
    'telemetry_order_restarts_total',
    'Readings with a lower number than the last state that were newer all the same, by reason',
    { reason: RESTART_REASONS },
  );
  readonly inputRejected = this.counter(
    'input_rejected_total',
    'Messages of devices that were refused, by what they were and why; of a connection that the broker closed, its log tells',
    { kind: INPUT_KINDS, reason: INPUT_REASONS },
  );
  readonly inputSuspicious = this.counter(
    'input_suspicious_total',
    'Accepted messages of devices that hold a value of another type than a rule needs or the fleet declares, or an integer beyond 2^53',
    { kind: ['telemetry', 'acknowledgement'], reason: SUSPICIONS },
  );
  readonly receipts = this.counter(
    'telemetry_receipts_total',
    'Readings in receipts to devices that keep them',
    {
      result: ['stored', 'refused', 'dropped'],
    },
  );
  readonly payloadBytes = this.histogram(
    'telemetry_payload_bytes',
    'Size of telemetry payloads, one observation per batch (its mean)',
    [32, 64, 128, 256, 512, 1024, 4096, 16_384, 65_536],
  );
  readonly batchReadings = this.histogram(
    'telemetry_batch_readings',
    'Readings written to Redis in one call',
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  );
  readonly processing = this.histogram(
    'telemetry_processing_duration_seconds',
    'Time a batch spends in a stage',
    LATENCY_BUCKETS,
    {
      stage: ['parse', 'rules', 'store', 'ack'],
    },
  );
  readonly endToEnd = this.histogram(
    'telemetry_end_to_end_seconds',
    "From the device's time of a reading to the disk, one observation per batch; without clocks that are a minute off",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  );
  readonly lastMessage = this.gauge(
    'telemetry_last_message_timestamp_seconds',
    'When telemetry of devices last arrived',
  );
  readonly conflicts = this.counter(
    'telemetry_conflicts_total',
    'Device parts judged again, because another replica was first or the device was new',
  );
  readonly evaluations = this.counter('rule_evaluations_total', 'Rule evaluations by verdict', {
    result: ['matched', 'unmatched', 'undecided', 'error', 'budget_exceeded'],
  });
  readonly quorumDecisions = this.counter('quorum_decisions_total', 'Counts of votes by what came of them', {
    outcome: ['decided', 'undecided', 'gathering', 'lost'],
  });
  readonly quorumWrites = this.counter(
    'quorum_writes_total',
    'Decisions of quorums that changed something; conflict: another replica was first, and it is decided again',
    { result: ['written', 'conflict'] },
  );
  readonly votesRefused = this.counter(
    'quorum_votes_refused_total',
    'Votes that were not kept, because their quorum has as many sensors as it may',
  );
  readonly timersDue = this.counter('rule_timers_total', 'Timers that were due, by whose', {
    kind: ['device', 'group', 'gone'],
  });
  readonly rulesLoaded = this.gauge('rules_loaded', 'Rules in force, of all fleets that were heard of');
  readonly rulesUnusable = this.gauge(
    'rules_unusable',
    'Enabled rules that are left out, since they cannot be read or compiled',
  );
  readonly rulesReload = this.gauge(
    'rules_reload_timestamp_seconds',
    'When the rules of a fleet were last read',
  );
  readonly loop = this.histogram(
    'loop_seconds',
    "Telemetry taken off the socket to its command's PUBACK",
    LATENCY_BUCKETS,
  );
  readonly commands = this.counter('commands_total', 'Transitions of commands', {
    transition: [...OPEN_STATES, ...FINAL_STATES],
    source: SOURCES,
  });
  readonly roundtrip = this.histogram(
    'command_roundtrip_seconds',
    "Command taken by the store to the device's final answer",
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    { source: SOURCES },
  );
  readonly redeliveries = this.counter('command_redeliveries_total', 'Dispatches after the first');
  readonly unreachable = this.counter(
    'command_unreachable_total',
    'Dispatches given back, by what the broker said',
    {
      reason: ['no_subscriber', 'refused'],
    },
  );
  readonly withheld = this.counter(
    'command_dispatches_withheld_total',
    'Dispatches that were not published, because this replica was held up until their lease had ended',
  );
  readonly outboxLag = this.gauge(
    'outbox_lag_seconds',
    'How long the oldest command that Redis gave out for the broker has waited for its PUBACK; 0 without one',
  );
  readonly dropped = this.counter('command_dropped_total', 'Commands of rules that were not taken', {
    reason: ['queue_full', 'fleet_full', 'unreachable', 'too_many_targets'],
  });
  readonly rolloutsRunning = this.gauge('rollouts_running', 'Running rollouts that this replica carries on');
  readonly rolloutCommands = this.counter(
    'rollout_commands_total',
    "Devices' turns in rollouts by what came of them, and commands that the end of a rollout cancelled (swept)",
    { result: ['enqueued', ...SKIP_REASONS, 'repeated', 'swept'] },
  );
  readonly answers = this.counter('command_answers_total', "Devices' answers by what they did", {
    result: ['recorded', 'repeated', 'late', 'missing', 'foreign', 'retained', 'malformed'],
  });
  readonly effects = this.counter(
    'command_effects_total',
    'Commands that succeeded and whose rule expects an effect, by what telemetry shows of it',
    { outcome: ['effective', 'ineffective', 'unmeasured'] },
  );
  readonly edgeDecisions = this.counter(
    'edge_decisions_total',
    'Decisions of devices whose link was down, by what is thought of them',
    { judgement: JUDGEMENTS },
  );
  readonly presence = this.counter('presence_messages_total', 'Births and wills by what they did', {
    result: ['born', 'gone', 'ignored', 'full', 'malformed'],
  });
  readonly sessionsLost = this.counter(
    'device_sessions_lost_total',
    'Devices that went away: their will or goodbye came, a new session took over, or (counted on their return) they fell silent',
    { cause: ['will', 'takeover', 'timeout'] },
  );
  readonly devicesRemoved = this.counter('devices_removed_total', 'Devices that were removed, by why', {
    cause: ['forget_after', 'fleet'],
  });
  readonly statePublishes = this.counter(
    'state_publishes_total',
    'Retained states of devices: published, removed, or dropped because too many waited or the link was down',
    { result: ['published', 'removed', 'dropped'] },
  );
  readonly connected = this.gauge('mqtt_connected', 'Every link to the broker is up and subscribed');
  readonly canaryAge = this.gauge(
    'mqtt_canary_age_seconds',
    'Time since a canary reading of this replica was last in Redis, or since the start',
  );
  readonly canaries = this.counter(
    'mqtt_canaries_total',
    'Canary readings of this replica by what became of them; lost: later ones came through, it did not',
    { result: ['arrived', 'lost'] },
  );
  readonly inFlight = this.gauge('ingest_inflight', 'Messages taken and not acknowledged yet');
  readonly backpressure = this.counter(
    'ingest_backpressure_seconds_total',
    'Time in which the broker was held back',
  );
  readonly reconnects = this.counter('mqtt_reconnects_total', 'Lost connections to the broker', {
    reason: ['closed'],
  });
  private readonly storeOperations = this.counter('store_operations_total', 'Calls to Redis', {
    op: STORE_OPERATIONS,
    result: ['ok', 'error'],
  });
  private readonly storeDuration = this.histogram(
    'store_operation_duration_seconds',
    'Time that a call to Redis takes, failed ones included',
    LATENCY_BUCKETS,
    { op: STORE_OPERATIONS },
  );
  readonly durable = this.gauge('store_durability_ok', STORE_DURABILITY_HELP);
  readonly clockSetBacks = this.counter(
    'store_clock_set_backs_total',
    'Times that the clock of Redis was found to have been set back',
  );
  readonly eventsDropped = this.counter(
    'live_events_dropped_total',
    'Events for live views that were not sampled or not written',
    {
      reason: ['sampled', 'store'],
    },
  );
  readonly unexpectedErrors = unexpectedErrorsCounter(this, ERROR_PLACES);
  /** From `$SYS`. */
  readonly broker = new BrokerMetrics(this);

  /** Makes a call to Redis, counts it and measures it. */
  async storeCall<T>(op: StoreOperation, call: () => Promise<T>): Promise<T> {
    const began = performance.now();
    let result: 'ok' | 'error' = 'error';
    try {
      const answer = await call();
      result = 'ok';
      return answer;
    } finally {
      this.storeOperations.inc({ op, result });
      this.storeDuration.observe({ op }, (performance.now() - began) / 1000);
    }
  }
}
