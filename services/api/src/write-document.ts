import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { openApiText } from './offline-document.js';

/** Writes docs/api/openapi.json: `node services/api/dist/write-document.js`. A test fails when it is out of date. */
writeFileSync(new URL('../../../docs/api/openapi.json', import.meta.url), await openApiText());
