/** Injection tokens of what has no class of its own. */
export const REDIS = Symbol('REDIS');
export const LOGGER = Symbol('LOGGER');
export const CONFIG = Symbol('CONFIG');
/** A Redis connection that only listens. */
export const SUBSCRIBER = Symbol('SUBSCRIBER');
/** The rules with which a fleet begins. */
export const SEEDS = Symbol('SEEDS');
