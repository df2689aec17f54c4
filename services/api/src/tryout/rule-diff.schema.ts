// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { deviceScopeSchema } from '@lamplighter/contracts/rules/device-scope';
import { z } from 'zod';
import { timeSchema } from '../iso-time.js';
import { remarkSchema } from '../rules/remark.schema.js';
import { anyDocument, ruleDocumentSchema } from '../rules/rule.schema.js';
import { sentencesSchema } from '../why/why.schema.js';
import { MAX_UPLOADED } from './recording.js';
import { FATES } from './started.js';

/** Devices that an answer tells of, and changes of each. */
export const MAX_TOLD_DEVICES = 100;
export const MAX_TOLD_CHANGES = 50;

/** What is to be compared. */
export const ruleDiffRequestSchema = z.strictObject({
  candidate: anyDocument,
  version: z.int().min(0).optional(),
  recording: z.array(z.unknown()).max(MAX_UPLOADED, `must have at most ${MAX_UPLOADED} readings`).optional(),
  devices: deviceScopeSchema.default('*'),
  release: z.boolean().default(false),
});
export type RuleDiffRequest = z.infer<typeof ruleDiffRequestSchema>;

/** The same for the documents, with what the checks take more exactly than a schema could. */
export const ruleDiffDocumentSchema = ruleDiffRequestSchema
  .extend({
    candidate: ruleDocumentSchema
      .nullable()
      .meta({ description: 'The rule that would be written; null: the rule would be deleted' }),
    version: z.int().min(0).optional().meta({
      description:
        'The version to compare with; the present one if not given, and 0 for none at all: a rule that is yet to be added',
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
      .meta({ description: "Readings to run on, in any order; without them, the fleet's windows" }),
    devices: deviceScopeSchema.default('*').meta({ description: 'Only readings of these devices' }),
    release: z.boolean().default(false).meta({
      description: 'As if the candidate were written with `release=true`; see `started` of the answer',
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

const commandShape = {
  action: z.record(z.string(), z.unknown()),
  reason: z
    .enum(['change', 'every', 'reassert', 'run_over', 'first', 'lost', 'found'])
    .meta({ description: 'Why it would be commanded; docs/rules.md' }),
};
const changeSchema = z
  .object({
    kind: z.enum(['added', 'dropped', 'moved']),
    at: timeSchema('When the command is, or, of an added one, would be issued'),
    to: timeSchema('Of a moved one: when it would be issued instead').optional(),
    byMs: z.int().optional().meta({ description: 'Of a moved one: how much later, or earlier if negative' }),
    ...commandShape,
  })
  .meta({ id: 'CommandChange' });
const count = (description: string) => z.int().min(0).meta({ description });

const startedSchema = z.object({
  goesOn: count('Runs and raised verdicts that go on as they are'),
  endsInTime: count('Runs that no longer belong to the rule, and still end at their promised time'),
  released: count('Runs and raised verdicts that are taken back at once, by `else`'),
  stays: count('Raised verdicts that are forgotten; the devices stay as they are'),
  devices: z
    .array(
      z.object({
        device: z.string().optional().meta({ description: 'Absent of a quorum, whose targets are meant' }),
        fate: z.enum(FATES),
        until: timeSchema('Of a run: its promised end').optional(),
      }),
    )
    .meta({ description: `At most ${MAX_TOLD_DEVICES}` }),
});

export const ruleDiffSchema = z
  .object({
    fleet: z.string(),
    rule: z.string(),
    version: z.int().min(0).meta({ description: 'What the candidate was compared with; 0 for nothing' }),
    recording: z.object({
      source: z.enum(['window', 'upload']),
      devices: count('Devices with readings'),
      readings: count('Readings'),
      from: timeSchema('Event time of the first reading').optional(),
      to: timeSchema('Until when timers were waited for').optional(),
      isCut: z.boolean().meta({
        description:
          'There are more devices, or readings, than one run looks at; those that were are the first by name',
      }),
    }),
    commands: z
      .object({
        present: count('Commands of the rule as it is'),
        candidate: count('Commands of the candidate'),
        same: count('Same action at the same time'),
        added: count('Only of the candidate'),
        dropped: count('Only of the rule as it is'),
        moved: count('Same action at another time'),
      })
      .meta({ description: 'To a device each; where a quorum commands, one to all its targets counts once' }),
    devices: z
      .array(
        z.object({
          device: z.string().optional(),
          targets: deviceScopeSchema.optional().meta({ description: 'Of a quorum: whom it commands' }),
          added: count('Commands'),
          dropped: count('Commands'),
          moved: count('Commands'),
          changes: z
            .array(changeSchema)
            .meta({ description: `In the order of time; at most ${MAX_TOLD_CHANGES}` }),
        }),
      )
      .meta({ description: `Where anything changes, the most changes first; at most ${MAX_TOLD_DEVICES}` }),
    changedDevices: count('Devices (or groups of targets) where anything changes'),
    started: startedSchema.optional().meta({
      description:
        'What the rule has started and is going on now; absent if it is compared with a version that is not in force',
    }),
    sentences: sentencesSchema,
    warnings: z
      .array(remarkSchema)
      .optional()
      .meta({ description: 'What may not be meant so in the candidate' }),
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
            changes: [
              { kind: 'added', at: '2026-11-22T11:58:10.000Z', action: { led_on: true }, reason: 'change' },
            ],
          },
        ],
        changedDevices: 1,
        sentences: [
          'run on 240 readings of 1 device, from 2026-11-22T11:56:00.000Z to 2026-11-22T12:00:00.000Z',
          'version 3 would have issued 4 commands, the candidate 5: 4 the same, 1 added, 0 dropped, 0 moved in time',
          'lamp-0001, 2026-11-22T11:58:10.000Z: {"led_on":true} is added',
        ],
      },
    ],
  });
export type RuleDiffBody = z.infer<typeof ruleDiffSchema>;
