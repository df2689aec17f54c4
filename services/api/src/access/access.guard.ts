import { hasScope, type Scope } from '@lamplighter/store/access/api-key';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Problem } from '../problems/problem.js';
import type { HttpRequest } from '../requests/http-request.js';
import { expectFleetAllowed } from '../rights/allowed-fleets.js';
import { defaultScope, FLEET_CHECK, type FleetCheck, NEEDED_SCOPE } from '../rights/needs.js';

/** Rejects requests that need a scope or a fleet that their API key lacks. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    const { apiKey } = request;
    if (apiKey === undefined) return true; // a path that needs no key
    const places = [context.getHandler(), context.getClass()];
    const scope =
      this.reflector.getAllAndOverride<Scope | undefined>(NEEDED_SCOPE, places) ??
      defaultScope(request.method);
    if (!hasScope(apiKey, scope)) {
      const scopes = apiKey.scopes.map((each) => `"${each}"`).join(', ');
      const detail = `This request needs an API key with scope "${scope}"; yours has ${scopes || 'none'}.`;
      throw new Problem('missing-scope', detail);
    }
    const check = this.reflector.getAllAndOverride<FleetCheck | undefined>(FLEET_CHECK, places);
    const fleet = request.params?.fleet ?? (check === 'query' ? request.query?.fleet : undefined);
    if (typeof fleet === 'string') expectFleetAllowed(request, fleet);
    else if (apiKey.fleets !== undefined && check !== 'itself')
      throw new Problem(
        'other-fleet',
        `Your API key may use only some fleets, and this request covers all. Name one of them: ${apiKey.fleets.join(', ')}.`,
      );
    return true;
  }
}
