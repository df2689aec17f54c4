/** The text is no expression, or not of this kind; the message says where and why. */
export class ExpressionInvalid extends Error {
  override readonly name = 'ExpressionInvalid';

  /** @param at where in the text, characters from 0, if it can be told */
  constructor(
    readonly why: string,
    readonly at?: number,
  ) {
    super(at === undefined ? why : `${why} (at character ${at + 1})`);
  }
}

/** A valid expression came to no result on this reading: the rule is at fault, not the reading. */
export class ExpressionFailed extends Error {
  override readonly name = 'ExpressionFailed';

  constructor(
    readonly kind: 'error' | 'budget_exceeded',
    message: string,
  ) {
    super(message);
  }
}
