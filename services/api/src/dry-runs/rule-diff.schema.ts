// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { deviceScopeSchema } from '@lamplighter/contracts/rules/device-scope';
import { z } from 'zod';
import { documentAs } from '../openapi/documented-schema.js';
import { timeSchema } from '../responses/iso-time.js';
import { remarkSchema } from '../rules/remark.schema.js';
import { anyDocument, ruleDocumentSchema } from '../rules/rule.schema.js';
import { sentencesSchema } from '../why/why.schema.js';
import { MAX_UPLOADED } from './recording.js';
import { FATES } from './started-actions.js';

/** Devices in a response, and changes per device. */
export const MAX_LISTED_DEVICES = 100;
export const MAX_LISTED_CHANGES = 50;

/** What to compare. */
export const ruleDiffRequestSchema = z.strictObject({
  candidate: anyDocument,
  version: z.int().min(0).optional(),
  recording: z.array(z.unknown()).max(MAX_UPLOADED, `must have at most ${MAX_UPLOADED} readings`).optional(),
  devices: deviceScopeSchema.default('*'),
  release: z.boolean().default(false),
});
export type RuleDiffRequest = z.infer<typeof ruleDiffRequestSchema>;

/** The same for the OpenAPI document, with the parts that are otherwise checked in code. */
const ruleDiffDocumentSchema = ruleDiffRequestSchema
  .extend({
    candidate: ruleDocumentSchema
      .nullable()
      .meta({ description: 'The rule that would be written; null if the rule would be deleted' }),
    version: z.int().min(0).optional().meta({
      description:
        'The version to compare with; defaults to the current one. Use 0 to compare a new rule with none.',
    }),
    recording: z
      .array(
        z.object({
          device: z.string(),
          at: z
            .string()
            .meta({ description: 'Event time, ISO 8601; or milliseconds since 1970 as a number' }),
          reading: z.record(z.string(), z.json()),
        }),
      )
      .max(MAX_UPLOADED)
      .optional()
      .meta({
        description: 'Readings to evaluate, in any order; defaults to the stored readings of the fleet',
      }),
    devices: deviceScopeSchema.default('*').meta({ description: 'Only readings of these devices' }),
    release: z.boolean().default(false).meta({
      description:
        'Whether the candidate would be written with `release=true`; see `started` in the response',
    }),
  })
  .meta({
    id: 'RuleDiffRequest',
    examples: [
      {
        candidate: { id: 'night-light', when: 'light < 250', then: { led_on: true } },
        devices: '*',
        release: false,
      },
    ],
  });

documentAs(ruleDiffRequestSchema, ruleDiffDocumentSchema);

const commandShape = {
  action: z.record(z.string(), z.unknown()),
  reason: z
    .enum(['change', 'every', 'reassert', 'run_over', 'first', 'lost', 'found'])
    .meta({ description: 'Why the command would be issued; see docs/rules.md' }),
};
const changeSchema = z
  .object({
    kind: z.enum(['added', 'dropped', 'moved']),
    at: timeSchema('When the current rule would send the command or, if added, the candidate'),
    to: timeSchema('For a moved command: the time at which the candidate would send it').optional(),
    byMs: z
      .int()
      .optional()
      .meta({ description: 'For a moved command: how much later, or earlier if negative' }),
    ...commandShape,
  })
  .meta({ id: 'CommandChange' });
const count = (description: string) => z.int().min(0).meta({ description });

const startedSchema = z.object({
  goesOn: count('Runs and raised verdicts that continue unchanged'),
  endsInTime: count('Runs that no longer belong to the rule but still end at their promised time'),
  released: count('Runs and raised verdicts that are released immediately, by `else`'),
  stays: count('Raised verdicts that are discarded; the devices stay as they are'),
  devices: z
    .array(
      z.object({
        device: z
          .string()
          .optional()
          .meta({ description: 'Absent for a quorum, where the entry is about all targets' }),
        fate: z.enum(FATES),
        until: timeSchema('For a run: its promised end').optional(),
      }),
    )
    .meta({ description: `At most ${MAX_LISTED_DEVICES}` }),
});

export const ruleDiffSchema = z
  .object({
    fleet: z.string(),
    rule: z.string(),
    version: z
      .int()
      .min(0)
      .meta({ description: 'The version that the candidate was compared with; 0 for none' }),
    recording: z.object({
      source: z.enum(['window', 'upload']),
      devices: count('Devices with readings'),
      readings: count('Readings'),
      from: timeSchema('Event time of the first reading').optional(),
      to: timeSchema('Time up to which timers fired').optional(),
      isCut: z.boolean().meta({
        description:
          'Whether the fleet has more devices or readings than a run reads; the first devices by name were read',
      }),
    }),
    commands: z
      .object({
        present: count('Commands of the current rule'),
        candidate: count('Commands of the candidate'),
        same: count('Same action at the same time'),
        added: count('Commands that only the candidate issues'),
        dropped: count('Commands only of the current rule'),
        moved: count('Same action at another time'),
      })
      .meta({ description: 'Counted per device; for a quorum, a command to all targets counts once' }),
    devices: z
      .array(
        z.object({
          device: z.string().optional(),
          targets: deviceScopeSchema.optional().meta({ description: 'For a quorum: its targets' }),
          added: count('Commands'),
          dropped: count('Commands'),
          moved: count('Commands'),
          unchanged: z
            .array(
              z.object({
                at: timeSchema('When both rules would send the command'),
                action: z.record(z.string(), z.unknown()),
              }),
            )
            .meta({ description: `The latest unchanged commands; at most ${MAX_LISTED_CHANGES}` }),
          changes: z
            .array(changeSchema)
            .meta({ description: `In order of time; at most ${MAX_LISTED_CHANGES}` }),
        }),
      )
      .meta({ description: `Devices with changes, most changes first; at most ${MAX_LISTED_DEVICES}` }),
    changedDevices: count('Number of devices (or groups of targets) with changes'),
    started: startedSchema.optional().meta({
      description: 'Runs and raised verdicts of the rule that are in progress; absent if `version` was given',
    }),
    sentences: sentencesSchema,
    warnings: z.array(remarkSchema).optional().meta({ description: 'Likely mistakes in the candidate' }),
  })
  .meta({
    id: 'RuleDiff',
    examples: [
      {
        fleet: 'demo',
        rule: 'night-light',
        version: 3,
        recording: {
          source: 'window',
          devices: 1,
          readings: 240,
          from: '2026-11-22T11:56:00.000Z',
          to: '2026-11-22T12:00:00.000Z',
          isCut: false,
        },
        commands: { present: 4, candidate: 5, same: 4, added: 1, dropped: 0, moved: 0 },
        devices: [
          {
            device: 'lamp-0001',
            added: 1,
            dropped: 0,
            moved: 0,
            unchanged: [{ at: '2026-11-22T11:57:40.000Z', action: { led_on: false } }],
            changes: [
              { kind: 'added', at: '2026-11-22T11:58:10.000Z', action: { led_on: true }, reason: 'change' },
            ],
          },
        ],
        changedDevices: 1,
        sentences: [
          'evaluated 240 readings of 1 device, from 2026-11-22T11:56:00.000Z to 2026-11-22T12:00:00.000Z',
          'commands: 4 by version 3, 5 by the candidate; 4 the same, 1 added, 0 dropped, 0 moved in time',
          'lamp-0001, 2026-11-22T11:58:10.000Z: {"led_on":true} is added',
        ],
      },
    ],
  });
export type RuleDiffBody = z.infer<typeof ruleDiffSchema>;
