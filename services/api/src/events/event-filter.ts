import { identitySchema } from '@lamplighter/contracts/identity';
import { EVENT_TYPES, type LiveEvent } from '@lamplighter/store/events/events';
import { z } from 'zod';

const typeSchema = z.enum(EVENT_TYPES);

/** Filter of a watcher; an event must match all given fields. */
export const eventsQuery = z.strictObject({
  fleet: identitySchema.optional().meta({ description: 'Only events of this fleet' }),
  device: identitySchema.optional().meta({ description: 'Only events of devices with this name' }),
  type: z
    .union([typeSchema, z.array(typeSchema)])
    .optional()
    .meta({ description: 'Only events of this type; may be given more than once' }),
});
export type EventFilter = z.infer<typeof eventsQuery>;

export function matches({ fleet, device, type }: EventFilter, event: LiveEvent): boolean {
  return (
    (fleet === undefined || event.fleet === fleet) &&
    (device === undefined || event.device === device) &&
    (type === undefined || (Array.isArray(type) ? type.includes(event.type) : type === event.type))
  );
}
