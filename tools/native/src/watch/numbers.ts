/** The numbers that the overview dashboard has on top, for one frame of the terminal view; undefined: nobody can say. */
export interface Numbers {
  /** Where they are from, for the head of the frame. */
  readonly from: string;
  /** Readings stored per second. */
  readonly telemetry: number | undefined;
  /** Seconds; undefined also while no command answers a reading. */
  readonly loopP99: number | undefined;
  /** Seconds. */
  readonly oldestPending: number | undefined;
  readonly unexplainedCommands: number | undefined;
  readonly unexplainedReadings: number | undefined;
  readonly devicesOnline: number | undefined;
  /** Those that were ever heard. */
  readonly devicesKnown: number | undefined;
  /** Dispatched per second. */
  readonly commands: number | undefined;
  /** Messages that the broker dropped in the last ten minutes, or since the view began. */
  readonly brokerDropped: number | undefined;
  /** Rules that failed in the last five minutes, or since the view began. */
  readonly ruleErrors: number | undefined;
  /** Names of the alerts that fire; undefined without Prometheus. */
  readonly alerts: readonly string[] | undefined;
  /** Services that should answer and do not. */
  readonly down: readonly string[];
}
