import { createHash } from 'node:crypto';

/**
 * The name of the share group. Mosquitto grants every subscription and checks access only on delivery: a client that knows the name could
 * join the group and divert messages, although it could not read them. The name is therefore derived from the service's broker password,
 * so all replicas use the same one and no other client knows it. It is as secret as the password and must not be logged. Another password
 * gives another group; while replicas of both run, each group gets every message, so nothing is lost. Without a password there is nothing
 * to protect.
 */
export function shareGroup(mqttUrl: string): string {
  return secretName(mqttUrl, 'rules', 'share group');
}

/** A name that only those can derive who know the password of the broker account; `<prefix>` without a password. */
export function secretName(mqttUrl: string, prefix: string, purpose: string): string {
  const { username, password } = new URL(mqttUrl);
  if (password === '') return prefix;
  const account = `${decodeURIComponent(username)}\n${decodeURIComponent(password)}`;
  return `${prefix}-${createHash('sha256').update(`lamplighter ${purpose}\n${account}`).digest('base64url')}`;
}
