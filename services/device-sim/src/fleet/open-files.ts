/** The limit of open files is too low for the configured number of devices. */
export class TooManyDevices extends Error {
  override readonly name = 'TooManyDevices';
}

/** Open files for other purposes: logs, the HTTP server and its clients, Node itself. */
const RESERVE = 64;

/**
 * Checks the limit of open files. Each device has a connection, which is an open file.
 * @param each open files per device: 2 if it also has a state file
 * @param limit open files that this process may have; Node raises it to the hard limit
 * @throws TooManyDevices
 */
export function requireOpenFiles(devices: number, each: 1 | 2 = 1, limit = openFilesLimit()): void {
  const needed = devices * each + RESERVE;
  if (needed <= limit) return;
  throw new TooManyDevices(
    `DEVICES=${devices} needs ${needed} open files, but the limit of this process is ${limit}: ` +
      `raise the limit (\`ulimit -Hn ${needed}\` as root, or LimitNOFILE/ulimits of its service; the broker needs as many), ` +
      `or set DEVICES to at most ${Math.max(1, Math.floor((limit - RESERVE) / each))} and run more simulators`,
  );
}

function openFilesLimit(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const limit = report.userLimits?.open_files?.soft;
  return typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY;
}
