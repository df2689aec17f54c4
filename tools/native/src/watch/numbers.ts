/** The top numbers of the overview dashboard, for one frame of the terminal view. Undefined: unknown. */
export interface Numbers {
  /** Their source, shown in the first line of the frame. */
  readonly from: string;
  /** Readings stored per second. */
  readonly telemetry: number | undefined;
  /** Seconds; also undefined while readings cause no commands. */
  readonly loopP99: number | undefined;
  /** Seconds. */
  readonly oldestPending: number | undefined;
  readonly unexplainedCommands: number | undefined;
  readonly unexplainedReadings: number | undefined;
  readonly devicesOnline: number | undefined;
  /** Devices that have reported at least once. */
  readonly devicesKnown: number | undefined;
  /** Dispatched per second. */
  readonly commands: number | undefined;
  /** Messages that the broker dropped in the last ten minutes, or since the view was started. */
  readonly brokerDropped: number | undefined;
  /** Rule evaluations that failed in the last five minutes, or since the view was started. */
  readonly ruleErrors: number | undefined;
  /** Names of firing alerts; undefined without Prometheus. */
  readonly alerts: readonly string[] | undefined;
  /** Services that do not respond. */
  readonly down: readonly string[];
}
