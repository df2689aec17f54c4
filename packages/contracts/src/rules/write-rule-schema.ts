import { writeFileSync } from 'node:fs';
import { ruleJsonSchemaText } from './rule-json-schema.js';

/** Writes docs/api/rule.schema.json anew: `node packages/contracts/dist/rules/write-rule-schema.js`. A test tells when it must be. */
writeFileSync(new URL('../../../../docs/api/rule.schema.json', import.meta.url), ruleJsonSchemaText());
