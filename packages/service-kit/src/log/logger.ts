import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, pino } from 'pino';
import { cleanLine, errorFields } from './log-line.js';
import { terminalLine } from './terminal-line.js';

export type { Logger };

/** Fields that are redacted at the top level and one level below: secrets, and data from devices and clients. */
const REDACTED = [
  ...['password', 'secret', 'token', 'authorization', 'cookie', 'url', 'headers', 'args'],
  ...['payload', 'body', 'reading', 'measurements', 'action', 'result', 'because'],
];

/**
 * The log of a service: one line of JSON per event on stdout, or a readable line on a terminal. See docs/logs.md for levels and fields.
 * @param destination default: stdout
 */
export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => errorFields(error) },
      redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '***' },
      hooks: { streamWrite: cleanLine },
    },
    destination ?? (process.stdout.isTTY ? terminal() : pino.destination(1)),
  );
}

function terminal(): DestinationStream {
  const color = process.env.NO_COLOR === undefined;
  return { write: (line) => void process.stdout.write(terminalLine(line, { color })) };
}

/** Writes Nest's messages to pino; level "log", used at start-up, becomes debug. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }
  debug(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }
  verbose(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }
  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message));
  }
  error(message: unknown, stack?: string, context?: string): void {
    this.logger.error({ context, stack }, String(message));
  }
  fatal(message: unknown, context?: string): void {
    this.logger.fatal({ context }, String(message));
  }
}
