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

/** Purposes of calls to Redis. */
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

/** Parts of the service that report unexpected errors. */
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
  readonly telemetry = this.counter('telemetry_messages_total', 'Readings by result', {
    result: ['accepted', 'late', 'duplicate', 'stale', 'retained', 'rejected', 'retried', 'failed'],
  });
  readonly rejected = this.counter('telemetry_rejected_total', 'Rejected readings', {
    reason: REJECT_REASONS,
  });
  readonly notEvaluated = this.counter(
    'telemetry_unjudged_total',
    'Readings that were history and not evaluated',
    { reason: HISTORY_REASONS },
  );
  readonly orderRestarts = this.counter(
    'telemetry_order_restarts_total',
    'Restarted orders: a corrected clock, a new session, a restarted counter',
    { reason: RESTART_REASONS },
  );
  readonly inputRejected = this.counter(
    'input_rejected_total',
    'Input that was not understood; a message counts once, by its first fault',
    { kind: INPUT_KINDS, reason: INPUT_REASONS },
  );
  readonly retainedCleared = this.counter(
    'retained_junk_cleared_total',
    'Retained messages cleared at the broker because they are not births or wills',
  );
  readonly inputSuspicious = this.counter(
    'input_suspicious_total',
    'Messages accepted but probably wrong: an unexpected type, or an integer beyond 2^53',
    { kind: ['telemetry', 'acknowledgement'], reason: SUSPICIONS },
  );
  readonly receipts = this.counter(
    'telemetry_receipts_total',
    'Readings in receipts for devices that keep them',
    {
      result: ['stored', 'refused', 'dropped'],
    },
  );
  readonly payloadBytes = this.histogram(
    'telemetry_payload_bytes',
    'Message size; one observation per batch, its mean',
    [32, 64, 128, 256, 512, 1024, 4096, 16_384, 65_536],
  );
  readonly batchReadings = this.histogram(
    'telemetry_batch_readings',
    'Readings per write',
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  );
  readonly processing = this.histogram(
    'telemetry_processing_duration_seconds',
    'Time of a batch by stage',
    LATENCY_BUCKETS,
    {
      stage: ['parse', 'rules', 'store', 'ack'],
    },
  );
  readonly endToEnd = this.histogram(
    'telemetry_end_to_end_seconds',
    "From the device's clock to the disk; one observation per batch with a plausible time",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  );
  /** When telemetry of devices last arrived, ms; undefined before the first. A field, because each batch sets it. */
  lastMessageAt: number | undefined;
  readonly lastMessage = this.gauge(
    'telemetry_last_message_timestamp_seconds',
    'When telemetry of devices last arrived',
    {},
    (gauge) => {
      if (this.lastMessageAt !== undefined) gauge.set(this.lastMessageAt / 1000);
    },
  );
  readonly conflicts = this.counter(
    'telemetry_conflicts_total',
    'Repeated evaluations: another replica was first, or the device was new',
  );
  readonly evaluations = this.counter('rule_evaluations_total', 'Evaluations by result', {
    result: ['matched', 'unmatched', 'undecided', 'error', 'budget_exceeded'],
  });
  readonly quorumDecisions = this.counter('quorum_decisions_total', 'Results of counting votes', {
    outcome: ['decided', 'undecided', 'gathering', 'lost'],
  });
  readonly quorumWrites = this.counter(
    'quorum_writes_total',
    'Quorum decisions written; conflict: another replica was first',
    { result: ['written', 'conflict'] },
  );
  readonly votesRejected = this.counter(
    'quorum_votes_refused_total',
    'Votes beyond the limit of sensors per group',
  );
  readonly timersDue = this.counter('rule_timers_total', 'Evaluations by timer', {
    kind: ['device', 'group', 'gone'],
  });
  readonly rulesLoaded = this.gauge('rules_loaded', 'Rules in force, of all fleets');
  readonly rulesUnusable = this.gauge('rules_unusable', 'Enabled rules that cannot be read or compiled');
  readonly rulesSuspended = this.counter(
    'rules_suspended_total',
    'Rules suspended for minutes because they take too much time',
  );
  readonly rulesReload = this.gauge('rules_reload_timestamp_seconds', 'When rules were last read');
  readonly loop = this.histogram(
    'loop_seconds',
    "From a reading on the socket to its command's PUBACK",
    LATENCY_BUCKETS,
  );
  readonly commands = this.counter('commands_total', 'Transitions of commands', {
    transition: [...OPEN_STATES, ...FINAL_STATES],
    source: SOURCES,
  });
  readonly roundtrip = this.histogram(
    'command_roundtrip_seconds',
    "From storing a command to the device's final acknowledgement",
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    { source: SOURCES },
  );
  readonly redeliveries = this.counter('command_redeliveries_total', 'Repeated dispatches');
  readonly unreachable = this.counter(
    'command_unreachable_total',
    'Dispatches without a subscriber, or refused by the broker',
    {
      reason: ['no_subscriber', 'refused'],
    },
  );
  readonly withheld = this.counter(
    'command_dispatches_withheld_total',
    'Dispatches withheld because this replica was too late',
  );
  readonly dispatchLag = this.gauge(
    'outbox_lag_seconds',
    'Age of the oldest command claimed and not yet accepted by the broker; 0 without one',
  );
  readonly dropped = this.counter('command_dropped_total', 'Commands that were not stored', {
    reason: ['queue_full', 'fleet_full', 'unreachable', 'too_many_targets'],
  });
  readonly rolloutsRunning = this.gauge('rollouts_running', 'Rollouts that this replica runs');
  readonly rolloutCommands = this.counter(
    'rollout_commands_total',
    'Results of turns in rollouts; swept: cancelled by the end of the rollout',
    { result: ['enqueued', ...SKIP_REASONS, 'repeated', 'swept'] },
  );
  readonly acknowledgements = this.counter('command_answers_total', 'Acknowledgements by result', {
    result: ['recorded', 'repeated', 'late', 'missing', 'foreign', 'retained', 'malformed'],
  });
  readonly effects = this.counter(
    'command_effects_total',
    'Whether telemetry shows what commands should cause',
    { outcome: ['effective', 'ineffective', 'unmeasured'] },
  );
  readonly edgeDecisions = this.counter(
    'edge_decisions_total',
    'Edge decisions as the server evaluates them afterwards',
    { judgement: JUDGEMENTS },
  );
  readonly presence = this.counter('presence_messages_total', 'Births and wills by result', {
    result: ['born', 'gone', 'ignored', 'full', 'malformed', 'delayed'],
  });
  readonly sessionsLost = this.counter(
    'device_sessions_lost_total',
    'Ended sessions: by will or goodbye, by a takeover, or by silence (counted when the device returns)',
    { cause: ['will', 'takeover', 'timeout'] },
  );
  readonly devicesRemoved = this.counter('devices_removed_total', 'Removed devices by cause', {
    cause: ['forget_after', 'fleet'],
  });
  readonly statePublishes = this.counter(
    'state_publishes_total',
    'Published states; dropped: too many waited, or the link was down',
    { result: ['published', 'removed', 'dropped'] },
  );
  readonly connected = this.gauge('mqtt_connected', 'Whether this replica is connected and subscribed');
  readonly canaryAge = this.gauge(
    'mqtt_canary_age_seconds',
    'Time since a canary of this replica last arrived in Redis, or since the start',
  );
  readonly canaries = this.counter(
    'mqtt_canaries_total',
    'Canaries of this replica that arrived, and those lost although later ones arrived',
    { result: ['arrived', 'lost'] },
  );
  readonly inFlight = this.gauge('ingest_inflight', 'Messages received and not yet acknowledged');
  readonly backpressure = this.counter('ingest_backpressure_seconds_total', 'Time of back-pressure');
  readonly reconnects = this.counter(
    'mqtt_reconnects_total',
    'Lost connections of this replica to the broker',
    {
      reason: ['closed'],
    },
  );
  private readonly storeOperations = this.counter('store_operations_total', 'Calls to Redis by result', {
    op: STORE_OPERATIONS,
    result: ['ok', 'error'],
  });
  private readonly storeDuration = this.histogram(
    'store_operation_duration_seconds',
    'Duration of calls to Redis, including failures',
    LATENCY_BUCKETS,
    { op: STORE_OPERATIONS },
  );
  readonly durable = this.gauge('store_durability_ok', STORE_DURABILITY_HELP);
  readonly clockSetBacks = this.counter(
    'store_clock_set_backs_total',
    'How often the Redis clock was set back',
  );
  readonly eventsDropped = this.counter(
    'live_events_dropped_total',
    'Live events left out of the stream (sampled) or not written (store)',
    {
      reason: ['sampled', 'store'],
    },
  );
  readonly unexpectedErrors = unexpectedErrorsCounter(this, ERROR_PLACES);
  /** From `$SYS`. */
  readonly broker = new BrokerMetrics(this);

  /** Counts and times a call to Redis. */
  async storeCall<T>(op: StoreOperation, call: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    let result: 'ok' | 'error' = 'error';
    try {
      const reply = await call();
      result = 'ok';
      return reply;
    } finally {
      this.storeOperations.inc({ op, result });
      this.storeDuration.observe({ op }, (performance.now() - startedAt) / 1000);
    }
  }
}
