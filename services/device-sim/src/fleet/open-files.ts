/** The process may not open as many connections as it is asked for. */
export class TooManyDevices extends Error {
  override readonly name = 'TooManyDevices';
}

/** Open files that are no device's: logs, the HTTP port and its clients, Node's own. */
const RESERVE = 64;

/**
 * Every device is a connection, and every connection an open file.
 * @param each open files of a device: 2 if it has a file of its own too
 * @param limit most open files of this process; Node has raised it as far as it may
 * @throws TooManyDevices
 */
export function requireOpenFiles(devices: number, each: 1 | 2 = 1, limit = openFilesLimit()): void {
  const needed = devices * each + RESERVE;
  if (needed <= limit) return;
  throw new TooManyDevices(
    `DEVICES=${devices} needs ${needed} open files, and this process may have ${limit}: ` +
      `raise the limit (\`ulimit -Hn ${needed}\` as root, or LimitNOFILE/ulimits of its service; the broker needs as many), ` +
      `or set DEVICES to at most ${Math.max(1, Math.floor((limit - RESERVE) / each))} and run more simulators`,
  );
}

function openFilesLimit(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const limit = report.userLimits?.open_files?.soft;
  return typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY;
}
