import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ruleJsonSchema, ruleJsonSchemaText } from './rule-json-schema.js';

it('is what docs/api/rule.schema.json says; otherwise run node packages/contracts/dist/rules/write-rule-schema.js', () => {
  const file = new URL('../../../../docs/api/rule.schema.json', import.meta.url);
  expect(ruleJsonSchemaText()).toBe(readFileSync(file, 'utf8'));
});

describe('the JSON schema of a rule', () => {
  const isRule = new Ajv2020({ strict: false }).compile(ruleJsonSchema());
  const rule = { id: 'night-light', when: 'light < 300', then: { led_on: true } };

  it('takes a rule as people write it', () => {
    expect(isRule(rule)).toBe(true);
    expect(isRule({ ...rule, hold: '10s', scope: { devices: ['lamp-*'] }, reassert: 'never' })).toBe(true);
  });

  it.each([
    ['a field that nobody knows', { unless: 'light > 330' }],
    ['a duration that is none', { hold: 'soon' }],
    ['a policy that nobody knows', { quorum: { policy: 'most' } }],
  ])('refuses %s', (_what, changes) => {
    expect(isRule({ ...rule, ...changes })).toBe(false);
  });

  it('explains every field that has no name that explains it', () => {
    const { properties } = ruleJsonSchema() as { properties: Record<string, { description?: string }> };
    const plain = ['id', 'description', 'enabled', 'scope', 'then', 'else', 'command'];
    const unexplained = Object.keys(properties).filter((key) => properties[key]!.description === undefined);
    expect(unexplained).toEqual(plain);
  });
});
