import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '../problems/problem.js';

/** Versions named in a precondition (RFC 9110, 13.1); `*` matches any. */
export type Versions = ReadonlySet<number> | '*';

const ETAGS = /^\s*(W\/)?"[^"]*"(\s*,\s*(W\/)?"[^"]*")*\s*$/;

/** The entity tag of a version. */
export const etagOf = (version: number): string => `"${version}"`;

/** The versions of If-Match; a weak tag matches none. @throws Problem `invalid-request` if the header is malformed */
export function ifMatch(headers: IncomingHttpHeaders): Versions | undefined {
  return versionsOf('If-Match', headers['if-match'], false);
}

/** The versions of If-None-Match. @throws Problem `invalid-request` if the header is malformed */
export function ifNoneMatch(headers: IncomingHttpHeaders): Versions | undefined {
  return versionsOf('If-None-Match', headers['if-none-match'], true);
}

/** If-None-Match on a write: whether the rule must not exist yet. @throws Problem `invalid-request` if it is not `*` */
export function mustBeNew(headers: IncomingHttpHeaders): boolean {
  const versions = ifNoneMatch(headers);
  if (versions === undefined || versions === '*') return versions !== undefined;
  throw invalid('If-None-Match', 'must be "*" for a write');
}

/** Whether a precondition matches a version. */
export function matchesVersion(versions: Versions, version: number): boolean {
  return versions === '*' || versions.has(version);
}

function versionsOf(name: string, value: string | undefined, allowsWeak: boolean): Versions | undefined {
  if (value === undefined) return undefined;
  if (value.trim() === '*') return '*';
  if (!ETAGS.test(value)) throw invalid(name, 'must be "*" or entity tags such as "3", including the quotes');
  const versions = new Set<number>();
  for (const [, weak, version] of value.matchAll(/(W\/)?"(\d{1,15})"/g))
    if (weak === undefined || allowsWeak) versions.add(Number(version));
  return versions;
}

function invalid(name: string, detail: string): Problem {
  return new Problem('invalid-request', `The ${name} header is not valid; see errors.`, {
    errors: [{ in: 'header', pointer: `/${name}`, detail }],
  });
}
