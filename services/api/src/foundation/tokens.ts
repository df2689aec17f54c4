/** Injection tokens of values that are not instances of a class. */
export const CONFIG = Symbol('CONFIG');
export const LOGGER = Symbol('LOGGER');
