import { hasScope, type Scope } from '@lamplighter/store/access/api-key';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Problem } from '../problems/problem.js';
import type { HttpRequest } from '../requests/http-request.js';
import { isFleetAllowed } from '../rights/allowed-fleets.js';
import { defaultScope, FLEET_CHECK, type FleetCheck, NEEDED_SCOPE } from '../rights/needs.js';
import { AuditTrail } from './audit-trail.js';

/** Rejects requests that need a scope or a fleet that their API key lacks. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly trail: AuditTrail,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    const { apiKey } = request;
    if (apiKey === undefined) return true; // a path that needs no key
    const places = [context.getHandler(), context.getClass()];
    const scope =
      this.reflector.getAllAndOverride<Scope | undefined>(NEEDED_SCOPE, places) ??
      defaultScope(request.method);
    const check = this.reflector.getAllAndOverride<FleetCheck | undefined>(FLEET_CHECK, places);
    const refusal = refusalOf(request, scope, check);
    const isChange = scope !== 'read' && defaultScope(request.method) !== 'read';
    if (isChange || refusal !== undefined) this.trail.record(scope, request, http.getResponse());
    if (refusal !== undefined) throw refusal;
    return true;
  }
}

/** Why the key of a request does not allow it; undefined if it does. */
function refusalOf(request: HttpRequest, scope: Scope, check: FleetCheck | undefined): Problem | undefined {
  const apiKey = request.apiKey!;
  if (!hasScope(apiKey, scope)) {
    const scopes = apiKey.scopes.map((each) => `"${each}"`).join(', ');
    return new Problem(
      'missing-scope',
      `This request needs an API key with scope "${scope}"; yours has ${scopes || 'none'}.`,
    );
  }
  const fleet = request.params?.fleet ?? (check === 'query' ? request.query?.fleet : undefined);
  if (typeof fleet === 'string')
    return isFleetAllowed(request, fleet)
      ? undefined
      : new Problem('other-fleet', `Your API key may not use fleet "${fleet}".`);
  if (apiKey.fleets === undefined || check === 'itself') return undefined;
  return new Problem(
    'other-fleet',
    `Your API key may use only some fleets, and this request covers all. Name one of them: ${apiKey.fleets.join(', ')}.`,
  );
}
