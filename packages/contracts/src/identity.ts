import { z } from 'zod';

/** Names of fleets and devices, `<id>` and `<device>` in a topic: safe as topic level, key part and URL segment. */
export const IDENTITY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export const identitySchema = z
  .string()
  .regex(IDENTITY, 'must be 1 to 64 letters, digits, "_", "." or "-", and begin with a letter or digit');

/** The fleet of the canary readings that prove the path broker → ingest → Redis; hidden from every listing. */
export const CANARY_FLEET = 'lamplighter-canary';
