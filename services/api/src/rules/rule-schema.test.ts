import { readFileSync } from 'node:fs';
import { ruleJsonSchema, ruleJsonSchemaText } from '@lamplighter/evaluation/rule/rule-json-schema';
import { Ajv2020 } from 'ajv/dist/2020.js';

it('matches docs/api/rule.schema.json; after a build, `node packages/evaluation/dist/rule/write-rule-schema.js` updates the file', () => {
  const file = new URL('../../../../docs/api/rule.schema.json', import.meta.url);
  expect(ruleJsonSchemaText()).toBe(readFileSync(file, 'utf8'));
});

describe('the JSON schema of a rule', () => {
  const isRule = new Ajv2020({ strict: false }).compile(ruleJsonSchema());
  const rule = { id: 'night-light', when: 'light < 300', then: { led_on: true } };

  it('accepts a rule without its defaults', () => {
    expect(isRule(rule)).toBe(true);
    expect(isRule({ ...rule, hold: '10s', scope: { devices: ['lamp-*'] }, reassert: 'never' })).toBe(true);
  });

  it.each([
    ['an unknown field', { unless: 'light > 330' }],
    ['an invalid duration', { hold: 'soon' }],
    ['an unknown policy', { quorum: { policy: 'most' } }],
  ])('rejects %s', (_what, changes) => {
    expect(isRule({ ...rule, ...changes })).toBe(false);
  });

  it('describes every field whose name does not explain it', () => {
    const { properties } = ruleJsonSchema() as { properties: Record<string, { description?: string }> };
    const plain = ['id', 'description', 'enabled', 'scope', 'then', 'else', 'command'];
    const unexplained = Object.keys(properties).filter((key) => properties[key]!.description === undefined);
    expect(unexplained).toEqual(plain);
  });
});
