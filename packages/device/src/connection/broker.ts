import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { Backoff } from '@lamplighter/contracts/backoff';

/** Address of the broker and credentials. Connections can share one object. */
export interface Broker {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  /** TLS options for `mqtts:`, such as `ca`, `cert` and `key`; absent for `mqtt:`. */
  readonly tls?: TlsOptions;
}

/** The wait before a device reconnects: spread widely, so that a fleet that lost its broker does not return in step. */
export const DEFAULT_BACKOFF: Backoff = { firstMs: 2000, maxMs: 30_000, minShare: 0.1 };

/**
 * Parses `mqtt://user:password@host:port` (default port 1883) or `mqtts://…` (TLS, default port 8883). Percent-decodes user and password.
 * @throws TypeError for any other text; the message does not contain the URL, which may hold a password
 */
export function parseBrokerUrl(text: string, tls: TlsOptions = {}): Broker {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || (url.protocol !== 'mqtt:' && url.protocol !== 'mqtts:')) {
    throw new TypeError('the broker URL must look like mqtt://user:password@host:1883, or mqtts:// for TLS');
  }
  const secure = url.protocol === 'mqtts:';
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (secure ? 8883 : 1883) : Number(url.port),
    ...(url.username && { username: decode(url.username) }),
    ...(url.password && { password: decode(url.password) }),
    ...(secure && { tls }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('write "%" in the user or password of the broker URL as %25');
  }
}
