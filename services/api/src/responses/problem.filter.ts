import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { UnexpectedErrors } from '@lamplighter/service-kit/unexpected-errors';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { Problem, retryAfter } from '../problems/problem.js';
import { storeUnavailable } from '../problems/store-failure.js';
import type { HttpRequest } from '../requests/http-request.js';
import { maxBodyBytes } from '../requests/json-body.js';
import { allowedMethods } from './allowed-methods.js';

/** Turns every error into a problem response. Details of unexpected errors go to the log, never to the client. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly errors: UnexpectedErrors<'http'>) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    const response = http.getResponse<ServerResponse>();
    const problem = this.problemOf(error, request);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
    const body = JSON.stringify(problem.body());
    response
      .writeHead(problem.status, {
        'content-type': 'application/problem+json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
      })
      .end(request.method === 'HEAD' ? undefined : body);
  }

  private problemOf(error: unknown, request: HttpRequest): Problem {
    if (error instanceof Problem) return error;
    const failure = storeFailure(error);
    if (failure === 'unavailable') return storeUnavailable();
    if (failure === 'rejectingWrites') {
      return new Problem(
        'store-refuses-writes',
        'Redis rejects writes; its disk or memory may be full. Try again later.',
        {},
        retryAfter(5),
      );
    }
    if (error instanceof HttpException && error.getStatus() < 500) return ofHttp(error, request);
    const id = randomUUID();
    this.errors.report('http', error, 'request failed with an unexpected error', {
      id,
      method: request.method,
      path: request.path,
    });
    return new Problem(
      'internal-error',
      `This is a bug in the service. Its log has the details, with id ${id}.`,
    );
  }
}

/** Maps errors of Nest's router and of the body parser. */
function ofHttp(error: HttpException, request: HttpRequest): Problem {
  if (error.getStatus() === 404) return noRoute(request);
  if (error.getStatus() === 413) {
    return new Problem('body-too-large', `The body must not exceed ${maxBodyBytes(request) / 1024} kB.`);
  }
  if (error.getStatus() === 415) {
    return new Problem('unsupported-media-type', `${error.message}; send application/json in UTF-8.`);
  }
  return new Problem('invalid-request', `${error.message}.`);
}

function noRoute(request: HttpRequest): Problem {
  const methods = allowedMethods(request);
  if (methods.length === 0) {
    return new Problem('no-such-route', 'See /docs for the paths of this API.');
  }
  const list = methods.join(', ');
  return new Problem('method-not-allowed', `Allowed methods: ${list}.`, {}, { Allow: list });
}
