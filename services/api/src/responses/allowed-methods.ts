import type { HttpRequest } from '../requests/http-request.js';

/** The methods of the request's path, for a 405; empty if the path is unknown. */
export function allowedMethods(request: HttpRequest): string[] {
  const methods = new Set<string>();
  for (const layer of request.app.router.stack) {
    if (!layer.route || !layer.match(request.path)) continue;
    for (const method of Object.keys(layer.route.methods)) methods.add(method.toUpperCase());
  }
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort();
}
