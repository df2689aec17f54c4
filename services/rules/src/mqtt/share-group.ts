import { createHash } from 'node:crypto';

/**
 * The name of the share group. Mosquitto grants every subscription and checks access only on delivery: a client that knows the name could
 * join the group and divert messages, although it could not read them. The name is therefore derived from the service's broker password,
 * so all replicas use the same one and no other client knows it. It is as secret as the password and must not be logged. Another password
 * gives another group; while replicas of both run, each group gets every message, so nothing is lost. Without a password there is nothing
 * to protect.
 */
export function shareGroup(mqttUrl: string): string {
  const { username, password } = new URL(mqttUrl);
  if (password === '') return 'rules';
  const account = `${decodeURIComponent(username)}\n${decodeURIComponent(password)}`;
  return `rules-${createHash('sha256').update(`lamplighter share group\n${account}`).digest('base64url')}`;
}
