import type { EdgeSetting } from '@lamplighter/store/edge/edge-settings';
import { z } from 'zod';

const versionSchema = (description: string) => z.string().nullable().optional().meta({ description });

export const edgeSettingSchema = z
  .object({
    rule: z.string().nullable().meta({ description: 'The rule that is set; null for none' }),
    told: versionSchema(
      'The version last sent to the device, as rule@version; null if none was sent, because none is set, or because the ' +
        'rule was deleted, no longer applies to the device, or is too large',
    ),
    confirmed: versionSchema('The version that the device last confirmed'),
  })
  .meta({ id: 'EdgeSetting' });

/** The setting as the API returns it; undefined if it was never set. */
export function edgeSettingBody({
  rule,
  sent,
  confirmed,
}: EdgeSetting): z.infer<typeof edgeSettingSchema> | undefined {
  if (rule === undefined) return undefined;
  return { rule, ...(sent !== undefined && { told: sent }), ...(confirmed !== undefined && { confirmed }) };
}
