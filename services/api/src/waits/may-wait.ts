import { ApiHeader } from '@nestjs/swagger';
import { header } from '../openapi/describe.js';
import { MAX_WAIT_SECONDS } from '../requests/prefer.js';

/** Describes the header that makes a request wait for the end of a command. */
export function MayWait(outcome: string) {
  return ApiHeader({
    name: 'Prefer',
    required: false,
    description: `\`wait=10\` waits up to ten seconds (RFC 7240), ${MAX_WAIT_SECONDS} at most. ${outcome}`,
    schema: { type: 'string', example: 'wait=10' },
  });
}

export const PREFERENCE_APPLIED = {
  'Preference-Applied': header('The granted wait, such as `wait=10`; absent if none was requested'),
};
