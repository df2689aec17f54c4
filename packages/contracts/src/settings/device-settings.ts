import type { z } from 'zod';
import { TELEMETRY_INTERVAL } from './telemetry-interval.js';

/** All device settings. The edge rule is not one of them: its value is a version of a stored rule. */
export const DEVICE_SETTINGS = [TELEMETRY_INTERVAL] as const;

type Setting = (typeof DEVICE_SETTINGS)[number];

/** The values of settings by action key, as they are sent to devices. */
export type SentSettings = { [S in Setting as S['actionKey']]: z.infer<S['sentSchema']> };

/** How a device applies each setting; null clears it. */
export type SettingHandlers = { readonly [K in keyof SentSettings]: (value: SentSettings[K] | null) => void };
