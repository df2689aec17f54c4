/** Radio use of devices, and the decisions it led to. */
export interface RadioUse {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly wakeUps: number;
  /** Commands that changed an actuator. */
  readonly decisions: number;
}

export const NO_RADIO_USE: RadioUse = { bytesSent: 0, bytesReceived: 0, wakeUps: 0, decisions: 0 };

export function addRadioUse(a: RadioUse, b: RadioUse): RadioUse {
  return {
    bytesSent: a.bytesSent + b.bytesSent,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    wakeUps: a.wakeUps + b.wakeUps,
    decisions: a.decisions + b.decisions,
  };
}

/** A one-line summary of radio use, for comparing telemetry policies. */
export function radioReport(use: RadioUse, devices: number, ranMs: number): string {
  const { bytesSent, bytesReceived, wakeUps, decisions } = use;
  const deviceHours = (devices * ranMs) / 3_600_000;
  const per = (count: number) => {
    if (count === 0) return 'none';
    return `${bytesText((bytesSent + bytesReceived) / count)} and ${(wakeUps / count).toFixed(1)} wake-ups`;
  };
  return (
    `radio of ${devices} lamps in ${(ranMs / 1000).toFixed(0)} s: ${bytesText(bytesSent)} sent, ${bytesText(bytesReceived)} received, ` +
    `${wakeUps} wake-ups, ${decisions} decisions; per decision ${per(decisions)}; per lamp and hour ${per(deviceHours)}`
  );
}

function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes.toFixed(0)} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(2)} MB`;
}
