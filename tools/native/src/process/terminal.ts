/** Output for the user; on a terminal, a status line that is updated in place. */
export const terminal = {
  isTTY: process.stdout.isTTY === true,

  /** Prints a permanent line. */
  printLine(line: string): void {
    process.stdout.write(this.isTTY ? `\r\x1b[2K${line}\n` : `${line}\n`);
  },

  /** Shows a line until the next one; only on a terminal. */
  showStatus(line: string): void {
    if (this.isTTY) process.stdout.write(`\r\x1b[2K${line.slice(0, (process.stdout.columns || 80) - 1)}`);
  },
};

// The terminal may close first; an unhandled error would leave processes behind.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
