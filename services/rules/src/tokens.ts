/** Injection tokens for providers without a class. */
export const REDIS = Symbol('REDIS');
export const LOGGER = Symbol('LOGGER');
export const CONFIG = Symbol('CONFIG');
/** A Redis connection for subscriptions. */
export const SUBSCRIBER = Symbol('SUBSCRIBER');
/** The rules that every new fleet starts with. */
export const SEEDS = Symbol('SEEDS');
