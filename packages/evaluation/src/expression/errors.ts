/** The text is not a valid expression of the expected kind; the message has the place and the cause. */
export class ExpressionInvalid extends Error {
  override readonly name = 'ExpressionInvalid';

  /** @param at offset in the text, characters from 0, if known */
  constructor(
    readonly why: string,
    readonly at?: number,
  ) {
    super(at === undefined ? why : `${why} (at character ${at + 1})`);
  }
}

/** A valid expression failed on a reading because of a fault in the rule. */
export class ExpressionFailed extends Error {
  override readonly name = 'ExpressionFailed';

  constructor(
    readonly kind: 'error' | 'budget_exceeded',
    message: string,
  ) {
    super(message);
  }
}
