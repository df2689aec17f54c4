import type { EdgeSetting } from '@lamplighter/store/edge/edge-settings';
import { z } from 'zod';

const versionSchema = (description: string) => z.string().nullable().optional().meta({ description });

export const edgeSettingSchema = z
  .object({
    rule: z.string().nullable().meta({ description: 'The rule that was set, or null for none' }),
    told: versionSchema(
      'The version that the device was last told, as rule@version; null if it was told to go by none, since none is set, or since ' +
        'the rule is gone, not about the device any more, or too large',
    ),
    confirmed: versionSchema('What the device has last said that it goes by'),
  })
  .meta({ id: 'EdgeSetting' });

/** The setting as the API shows it; undefined if there never was one. */
export function edgeSettingBody({
  rule,
  told,
  confirmed,
}: EdgeSetting): z.infer<typeof edgeSettingSchema> | undefined {
  if (rule === undefined) return undefined;
  return { rule, ...(told !== undefined && { told }), ...(confirmed !== undefined && { confirmed }) };
}
