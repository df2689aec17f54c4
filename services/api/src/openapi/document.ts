import type { Scope } from '@lamplighter/store/access/api-key';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { problemSchema } from '../problems/problem.js';
import { defaultScope, SCOPE_EXTENSION } from '../rights/needs.js';
import { documentedSchema } from './documented-schema.js';

const DESCRIPTION = `State, readings and commands of device fleets.

- Every path under \`/v1\` needs an API key, as \`Authorization: Bearer <key>\` or \`X-API-Key: <key>\`. \`security\` of each operation
  names the scope that the key must have.
- Times are ISO 8601 in UTC; ages are in milliseconds on the Redis clock.
- Errors are problems (RFC 9457, \`application/problem+json\`): \`type\` and \`status\` are stable, \`detail\` explains the error,
  \`errors\` points to invalid fields.
- Lists are paginated: \`next\` in the response is the \`cursor\` of the next page; the \`Link\` header has its URL.
- Within \`/v1\` fields may be added to responses; none is removed or changes its meaning.`;

/** Builds the OpenAPI document from the controllers and their zod schemas. */
export function openApiDocument(app: INestApplication, version: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Lamplighter')
    .setDescription(DESCRIPTION)
    .setVersion(version)
    .setOpenAPIVersion('3.1.1')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/')
    .addTag('fleets', 'Named sets of devices, and their counts')
    .addTag('devices', 'Last state, presence and stored readings')
    .addTag('accounts', 'Accounts of devices at the broker')
    .addTag('commands', 'Instructions to devices, tracked until their final state')
    .addTag('rollouts', 'The same command for many devices of a fleet')
    .addTag('rules', 'Versioned documents that turn telemetry into commands')
    .addTag('rejected', 'Rejected and suspicious input of devices')
    .addTag('keys', 'API keys, and the audit trail of what they changed')
    .addTag('events', 'Live events')
    .addTag('operations', 'Probes and metrics; no API key')
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', bearerFormat: 'API key', description: 'An API key' },
      'bearer',
    )
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key' }, 'apiKey')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (_controller, method) => method,
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? convert(documentedSchema(schema), schemaType) : undefined,
  });
  const schemas = {
    ...document.components?.schemas,
    ...convert(problemSchema, 'output').components,
    JsonValue: { description: 'Any JSON value' },
  };
  const named = Object.entries(schemas).filter(([name]) => !RECURSIVE.test(name));
  const sorted = Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
  const complete = JSON.parse(
    JSON.stringify({ ...document, components: { ...document.components, schemas: sorted } })
      .replaceAll('"#/$defs/', '"#/components/schemas/')
      .replaceAll(/schemas\/__schema\d+/g, 'schemas/JsonValue'),
  ) as OpenAPIObject;
  for (const schema of Object.values(complete.components?.schemas ?? {})) useExamples(schema);
  for (const [path, operations] of Object.entries(complete.paths)) {
    for (const [method, operation] of Object.entries(operations as Record<string, OperationObject>)) {
      operation.security = path.startsWith('/v1') ? securityOf(method, operation) : []; // others need no key
      for (const { schema } of schemasOf(operation)) useExamples(schema);
      describeExports(operation);
    }
  }
  return complete;
}

/** Either way to send a key, with the scope that it must have. */
function securityOf(
  method: string,
  operation: OperationObject & { [SCOPE_EXTENSION]?: Scope },
): Record<string, string[]>[] {
  const scope = operation[SCOPE_EXTENSION] ?? defaultScope(method);
  delete operation[SCOPE_EXTENSION];
  return [{ bearer: [scope] }, { apiKey: [scope] }];
}

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** The parts of an operation that have a schema: parameters, bodies and responses. */
function schemasOf({ parameters = [], requestBody, responses }: OperationObject): { schema?: unknown }[] {
  const described = Object.values(responses) as { content?: object }[];
  const contents = [requestBody as { content?: object } | undefined, ...described].flatMap((part) =>
    Object.values(part?.content ?? {}),
  );
  return [...(parameters as { schema?: unknown }[]), ...contents];
}

/** Adds the media types of an export to the response. */
function describeExports(operation: OperationObject & { 'x-exports'?: string[] }): void {
  const response = operation.responses['200'] as { content?: Record<string, object> } | undefined;
  for (const type of operation['x-exports'] ?? [])
    Object.assign(response?.content ?? {}, { [type]: { schema: { type: 'string' } } });
  delete operation['x-exports'];
}

/** Nest writes `example` as in OpenAPI 3.0; OpenAPI 3.1 uses `examples`, like JSON Schema. */
function useExamples(schema: unknown): void {
  if (typeof schema !== 'object' || schema === null) return;
  const { example, properties, ...parts } = schema as Record<string, unknown>;
  if (example !== undefined) Object.assign(schema, { examples: [example] });
  delete (schema as { example?: unknown }).example;
  for (const property of Object.values(properties ?? {})) useExamples(property);
  for (const name of ['items', 'additionalProperties', 'propertyNames']) useExamples(parts[name]);
  for (const name of ['anyOf', 'oneOf', 'allOf', 'prefixItems'])
    for (const part of (parts[name] as unknown[] | undefined) ?? []) useExamples(part);
}

/** The names that zod gives to `z.json()`, the only recursive schema. */
const RECURSIVE = /^__schema\d+$/;

function convert(schema: z.ZodType, io: 'input' | 'output') {
  const {
    $schema: _,
    $defs: definitions,
    ...root
  } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io,
    override: ({ jsonSchema: json }) => {
      // Responses may get new fields within /v1, so their schemas are open; request schemas are closed.
      if (io === 'output' && json.additionalProperties === false) delete json.additionalProperties;
      // The bounds of a safe integer are noise.
      if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
      if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
    },
  });
  return { schema: root, components: definitions as Record<string, object> | undefined };
}
