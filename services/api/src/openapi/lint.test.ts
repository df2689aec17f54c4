import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv2020 } from 'ajv/dist/2020.js';

const source = readFileSync(new URL('../../../../docs/api/openapi.json', import.meta.url), 'utf8');
const document = JSON.parse(source) as {
  openapi: string;
  components: { schemas: Record<string, Schema> };
  paths: Record<string, Record<string, Operation>>;
};

interface Schema {
  readonly examples?: readonly unknown[];
}
interface Described {
  readonly name?: string;
  readonly schema?: Schema;
  readonly example?: unknown;
  readonly examples?: Record<string, { readonly value: unknown }>;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Described[];
  readonly requestBody?: { readonly content: Record<string, Described> };
  readonly responses: Record<string, { readonly content?: Record<string, Described> }>;
}

describe('docs/api/openapi.json', () => {
  it('is valid OpenAPI 3.1 and passes the recommended lint rules', async () => {
    expect(document.openapi).toMatch(/^3[.]1[.]/);
    const problems = await lintFromString({
      source,
      config: await createConfig({ extends: ['recommended'] }),
    });
    const found = problems.map(
      ({ severity, ruleId, message, location }) =>
        `${severity} ${ruleId}: ${message} at ${location[0]?.pointer}`,
    );
    expect(found).toEqual([]);
  });

  /** All examples, with their schemas. */
  const examples = Object.entries(document.components.schemas).flatMap(([name, schema]) =>
    (schema.examples ?? []).map((example): [string, object, unknown] => [
      name,
      { $ref: `#/components/schemas/${name}` },
      example,
    ]),
  );
  for (const operations of Object.values(document.paths)) {
    for (const { operationId, parameters = [], requestBody, responses } of Object.values(operations)) {
      const contents = [requestBody, ...Object.values(responses)].flatMap((part) =>
        Object.values(part?.content ?? {}),
      );
      for (const described of [...parameters, ...contents]) {
        const { schema, example, examples: named = {} } = described;
        if (schema === undefined) continue;
        const values = [...(schema.examples ?? []), ...Object.values(named).map(({ value }) => value)];
        if (example !== undefined) values.push(example);
        for (const value of values)
          examples.push([`${operationId} ${described.name ?? ''}`.trim(), schema, value]);
      }
    }
  }

  it('has examples of resources and problems', () => {
    expect(examples.length).toBeGreaterThan(100);
  });

  it('has only examples that match their schemas', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    const errors = examples.flatMap(([name, schema, example]) => {
      const validate = ajv.compile({ ...schema, components: document.components });
      return validate(example) ? [] : [`${name}: ${ajv.errorsText(validate.errors)}`];
    });
    expect(errors).toEqual([]);
  });
});
