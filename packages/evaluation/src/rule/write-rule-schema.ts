import { writeFileSync } from 'node:fs';
import { ruleJsonSchemaText } from './rule-json-schema.js';

/** Writes docs/api/rule.schema.json: `node packages/evaluation/dist/rule/write-rule-schema.js`. A test fails if the file is out of date. */
writeFileSync(new URL('../../../../docs/api/rule.schema.json', import.meta.url), ruleJsonSchemaText());
