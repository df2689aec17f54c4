import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { openApiText } from './offline-document.js';

/** Writes docs/api/openapi.json anew: `node services/api/dist/openapi/write-document.js`. A test tells when it must be. */
writeFileSync(new URL('../../../../docs/api/openapi.json', import.meta.url), await openApiText());
