import { getNullableType, isNonNullType, type GraphQLInputType } from 'graphql';

import type { Choices } from './choices.js';
import { inputValue, literal, type Vocabulary } from './input-values.js';

/** Names that mean something to JavaScript and nothing to GraphQL. */
export const oddNames = ['__proto__', 'constructor', 'toString', 'then', 'length', 'idx0', 'data'];

const wrongValues = [null, 'nothing', '', 3, 1.5, true, [], [null], {}, { a: 1 }, [[['x']]]];

/** The variables of an operation: what it says of them, and what a request gives. */
export class Variables {
  readonly given: Record<string, unknown> = {};
  readonly #definitions = new Map<string, string>();

  constructor(
    private readonly choices: Choices,
    private readonly vocabulary: Vocabulary,
    private readonly options: { readonly hasOddNames: boolean },
  ) {}

  /** `($name: Type = default, …)`; nothing where there are none. */
  get definitions(): string {
    const all = [...this.#definitions].map(([name, definition]) => `$${name}: ${definition}`);
    return all.length === 0 ? '' : `(${all.join(', ')})`;
  }

  /**
   * `$name`, for a place of this type; `hasDefault`: it has a default, and so takes a variable that may be null. Mostly the
   * request gives `value`.
   */
  add(type: GraphQLInputType, value: unknown, { hasDefault }: { hasDefault: boolean }): string {
    const { chance, pick } = this.choices;
    const name = this.#newName();
    const nullable = getNullableType(type);
    const mayHaveDefault = chance(40);
    const isStrict = isNonNullType(type)
      ? !hasDefault && !mayHaveDefault
        ? true
        : chance(50)
      : chance(25);
    const standard = mayHaveDefault ? this.#defaultOf(nullable) : null;
    this.#definitions.set(
      name,
      `${nullable.toString()}${isStrict ? '!' : ''}${standard === null ? '' : ` = ${standard}`}`,
    );
    if ((!isStrict || standard !== null) && chance(30)) return `$${name}`;
    const own = chance(4) ? pick(wrongValues) : value;
    // As JSON.parse does it, for which __proto__ is a name like any other.
    Object.defineProperty(this.given, name, {
      value:
        own === null && isStrict && !chance(5)
          ? inputValue(type, this.choices, this.vocabulary)
          : own,
      enumerable: true,
    });
    return `$${name}`;
  }

  #newName(): string {
    const { chance, pick } = this.choices;
    const odd = pick(oddNames);
    return this.options.hasOddNames && chance(30) && !this.#definitions.has(odd)
      ? odd
      : `v${this.#definitions.size}`;
  }

  #defaultOf(type: GraphQLInputType): string | null {
    const value = inputValue(type, this.choices, this.vocabulary);
    if (value === null) return null;
    return literal(type, value, { choices: this.choices, asVariable: () => null });
  }
}
