/** Lines for the person who started us; on a terminal the last one may change in place. */
export const terminal = {
  isTTY: process.stdout.isTTY === true,

  /** Prints a line that stays. */
  printLine(line: string): void {
    process.stdout.write(this.isTTY ? `\r\x1b[2K${line}\n` : `${line}\n`);
  },

  /** Shows a line until the next one; not where lines cannot be taken back. */
  showStatus(line: string): void {
    if (this.isTTY) process.stdout.write(`\r\x1b[2K${line.slice(0, (process.stdout.columns || 80) - 1)}`);
  },
};

// The terminal may be gone before we are; that is no reason to leave processes behind.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
