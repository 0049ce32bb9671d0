import fc, { type GeneratorValue } from 'fast-check';

/** What a generator leaves to chance. The same seed makes the same choices again. */
export interface Choices {
  /** A whole number from 0 on and below `limit`. */
  readonly below: (limit: number) => number;
  readonly chance: (percent: number) => boolean;
  readonly pick: <Value>(from: readonly Value[]) => Value;
}

/** Choices that fast-check makes: it repeats them by a seed, and tries simpler ones where a test fails. */
export function choicesOf(generator: GeneratorValue): Choices {
  const below = (limit: number) => generator(natural, limit - 1);
  return {
    below,
    // The simpler choice is no.
    chance: (percent) => below(100) >= 100 - percent,
    pick(from) {
      if (from.length === 0) throw new Error('There is nothing to pick from');
      return from[below(from.length)] as (typeof from)[number];
    },
  };
}

/** Without the leaning towards extremes that fast-check has else: of percentages, they are no more interesting. */
function natural(max: number): fc.Arbitrary<number> {
  return fc.noBias(fc.integer({ min: 0, max }));
}
