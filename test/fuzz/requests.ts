import fc, { type GeneratorValue } from 'fast-check';
import {
  getNamedType,
  getNullableType,
  GraphQLBoolean,
  isCompositeType,
  isNonNullType,
  isObjectType,
  parseType,
  typeFromAST,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';

import { inputValue, printLiteral, type Vocabulary } from './input-values.js';
import { mutate } from './mutate.js';

/** The body of a request, or of something like a request. */
export interface GraphqlRequest {
  readonly query?: unknown;
  readonly variables?: unknown;
  readonly operationName?: unknown;
}

/** Random choices. fast-check repeats them by a seed and shrinks them to 0, false or the first value. */
export class Choices {
  constructor(readonly draw: GeneratorValue) {}

  /** A natural number below `limit`, without fast-check's bias, which would distort percentages. */
  below(limit: number): number {
    return this.draw(unbiased, limit - 1);
  }

  chance(percent: number): boolean {
    return this.below(100) >= 100 - percent;
  }

  pick<Value>(from: readonly Value[]): Value {
    return from[this.below(from.length)] as Value;
  }
}

function unbiased(max: number): fc.Arbitrary<number> {
  return fc.noBias(fc.nat({ max }));
}

/** Requests that a schema allows except for some values; a quarter of them is mutated. */
export function fuzzedRequests(
  schema: GraphQLSchema,
  vocabulary: Vocabulary,
): fc.Arbitrary<() => GraphqlRequest> {
  const values = (type: string) =>
    inputValue(typeFromAST(schema, parseType(type)) as GraphQLInputType, vocabulary);
  return fc.gen().map((draw) => {
    let request: GraphqlRequest | undefined;
    return () => {
      if (request) return request;
      const writer = new RequestWriter(schema, values, draw);
      return (request = writer.chance(25) ? mutate(writer.write(), writer) : writer.write());
    };
  });
}

/** Names that mean something to JavaScript, or to code that joins names. */
const oddNames = '__proto__ constructor toString then length idx0 data class'.split(' ');
const introspections = ['__schema { queryType { name } }', '__type(name: "Export") { name }'];
const invalidValues = [null, 'nothing', '', 3, 1.5, true, [], [null], {}, { a: 1 }, [[['x']]]];

class RequestWriter extends Choices {
  readonly #definitions = new Map<string, string>();
  readonly #variables: Record<string, unknown> = {};
  readonly #fragments: { on: string; spread: string; text: string }[] = [];
  readonly #aliases = new Set(['export', 'x']);
  /** Operations with directives are not compiled. */
  readonly #hasDirectives = this.chance(20);
  readonly #oddNames = this.chance(40) ? oddNames : [];
  #fieldsLeft = 1 + this.below(40);

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly values: (type: string) => fc.Arbitrary<unknown>,
    draw: GeneratorValue,
  ) {
    super(draw);
  }

  write(): GraphqlRequest {
    const query = this.schema.getQueryType();
    if (!query) throw new Error('The schema has no query type');
    const selection = this.#selection(query, []);
    const definitions = [...this.#definitions].map(([name, type]) => `$${name}: ${type}`).join();
    const name = this.chance(50) ? this.pick(['List', 'query', 'A', ...this.#oddNames]) : '';
    const parts = [
      `query ${name}${definitions && `(${definitions})`} ${selection}`,
      ...this.#fragments.map(({ text }) => text),
    ];
    const hasOther = name !== '' && this.chance(20);
    if (hasOther) parts.splice(this.below(parts.length + 1), 0, 'query Other { __typename }');
    const operationNames = [name, name, name, 'Other', 'Nothing', ''];
    return {
      query: parts.join(this.pick([' ', '\n', '\n# and\n', ',,\r\n'])),
      variables: this.#variables,
      ...((hasOther || this.chance(5)) && { operationName: this.pick(operationNames) }),
    };
  }

  /** `path`: the response names from the root to the object. */
  #selection(type: GraphQLCompositeType, path: readonly string[]): string {
    const parts = Array.from({ length: 1 + this.below(path.length === 0 ? 3 : 6) }, () =>
      this.#fieldsLeft > 0 && this.chance(27)
        ? this.#fragment(type, path)
        : this.#field(type, path),
    );
    return `{ ${parts.join(' ')} }`;
  }

  #fragment(type: GraphQLCompositeType, path: readonly string[]): string {
    const known = this.#fragments.filter(({ on }) => on === type.name);
    if (known.length > 0 && this.chance(25)) return this.pick(known).spread + this.#directives();
    const on = isObjectType(type) ? type : this.pick(this.schema.getPossibleTypes(type));
    const selection = this.#selection(on, path);
    const inline = on === type && this.chance(30) ? '...' : `... on ${on.name}`;
    if (this.chance(50)) return inline + this.#directives() + selection;
    const name = `F${this.#fragments.length}`;
    const text = `fragment ${name} on ${on.name} ${selection}`;
    this.#fragments.push({ on: on.name, spread: `...${name}`, text });
    return `...${name}${this.#directives()}`;
  }

  #field(type: GraphQLCompositeType, path: readonly string[]): string {
    if (path.length === 0 && this.chance(2)) return this.pick(introspections);
    if (!isObjectType(type) || this.#fieldsLeft <= 0 || this.chance(8)) {
      return this.chance(25) ? `${this.#alias(path)}: __typename` : '__typename';
    }
    this.#fieldsLeft -= 1;
    const field = this.pick(Object.values(type.getFields()));
    const args = this.#arguments(field);
    // A second field of the same name with other arguments would be a conflict.
    const alias = args !== '' || this.chance(20) ? this.#alias(path) : '';
    const fieldType = getNamedType(field.type);
    const selection = isCompositeType(fieldType)
      ? this.#selection(fieldType, [...path, alias || field.name])
      : '';
    return `${alias && `${alias}: `}${field.name}${args}${this.#directives()}${selection}`;
  }

  #arguments(field: GraphQLField<unknown, unknown>): string {
    const parts = field.args.flatMap(({ name, type, defaultValue }) => {
      const isOptional = !isNonNullType(type) || defaultValue !== undefined;
      if (isOptional && !this.chance(30)) return [];
      const value = this.draw(this.values, type.toString());
      const text = this.chance(35)
        ? this.#variable(type, value, isOptional)
        : this.#literal(type, value);
      return `${name}: ${text}`;
    });
    return parts.length === 0 ? '' : `(${parts.join(', ')})`;
  }

  #literal(type: GraphQLInputType, value: unknown): string {
    return printLiteral(type, value, (...part) =>
      this.chance(15) ? this.#variable(...part) : this.#literal(...part),
    );
  }

  /** Declares a variable for a position of this type, and returns `$name`. */
  #variable(type: GraphQLInputType, value: unknown, isOptional = !isNonNullType(type)): string {
    const free = this.#oddNames.filter((name) => !this.#definitions.has(name));
    const isOdd = free.length > 0 && this.chance(30);
    const name = isOdd ? this.pick(free) : `v${this.#definitions.size}`;
    const nullable = getNullableType(type);
    const fallback = this.chance(40) ? this.draw(this.values, nullable.toString()) : null;
    const hasDefault = fallback !== null;
    const isNonNull = !(isOptional || hasDefault) || this.chance(isNonNullType(type) ? 50 : 25);
    const defaultText = hasDefault ? ` = ${printLiteral(nullable, fallback)}` : '';
    this.#definitions.set(name, `${nullable.toString()}${isNonNull ? '!' : ''}${defaultText}`);
    if ((isNonNull && !hasDefault) || !this.chance(30)) {
      const given = this.chance(4) ? this.pick(invalidValues) : value;
      // Like JSON.parse, which does not assign __proto__.
      Object.defineProperty(this.#variables, name, { value: given, enumerable: true });
    }
    return `$${name}`;
  }

  #directives(): string {
    if (!this.#hasDirectives || !this.chance(30)) return ' ';
    const value = this.chance(50);
    const isLiteral = this.chance(60);
    const condition = isLiteral ? String(value) : this.#variable(GraphQLBoolean, value, false);
    return ` @${this.pick(['skip', 'include'])}(if: ${condition}) `;
  }

  /** A response name that is new in the document; some are ones that code might confuse. */
  #alias(path: readonly string[]): string {
    const known = this.pick([...this.#aliases]);
    const field = this.pick(['jsonUrl', 'files', 'url', 'data']);
    const reversed = [known, ...path.toReversed()];
    const paths = [[field, known], [...path, known], reversed, ['', known]];
    const joined = paths.map((names) => names.join('_'));
    const odd = this.pick([this.pick(oddNames), ...joined]);
    // `data` is also a field, which may be selected next to the alias.
    const isUsable = this.#oddNames.length > 0 && !this.#aliases.has(odd) && odd !== 'data';
    const alias = isUsable && this.chance(50) ? odd : `a${this.#aliases.size}`;
    this.#aliases.add(alias);
    return alias;
  }
}
