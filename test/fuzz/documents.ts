import {
  getNamedType,
  isCompositeType,
  isLeafType,
  isNonNullType,
  isObjectType,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';

import type { Choices } from './choices.js';
import { inputValue, literal, type Vocabulary } from './input-values.js';
import { oddNames, Variables } from './variables.js';

/** A request as it is posted, or a part of one. */
export interface GraphqlRequest {
  readonly query?: unknown;
  readonly variables?: unknown;
  readonly operationName?: unknown;
}

/** A request that a schema allows, but for some values; of all that documents are made of. */
export function requestOf(
  schema: GraphQLSchema,
  options: { choices: Choices; vocabulary: Vocabulary },
): GraphqlRequest {
  return new DocumentWriter(schema, options).write();
}

/** So many fields at most are chosen for a document. */
const MAX_FIELDS = 40;

const introspections = ['__schema { queryType { name } }', '__type(name: "Export") { name }'];

class DocumentWriter {
  readonly #variables: Variables;
  readonly #fragments: { readonly name: string; readonly on: string; readonly text: string }[] = [];
  readonly #aliases = new Set<string>();
  /** What documents without directives do is another way of execution, and most have none. */
  readonly #hasDirectives: boolean;
  /** Nor are documents with names that some code might stumble over what comes most. */
  readonly #hasOddNames: boolean;
  #fieldsLeft = MAX_FIELDS;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly options: { readonly choices: Choices; readonly vocabulary: Vocabulary },
  ) {
    const { choices, vocabulary } = options;
    this.#hasDirectives = choices.chance(20);
    this.#hasOddNames = choices.chance(40);
    this.#variables = new Variables(choices, vocabulary, { hasOddNames: this.#hasOddNames });
  }

  write(): GraphqlRequest {
    const { chance, pick, below } = this.options.choices;
    const query = this.schema.getQueryType();
    if (!query) throw new Error('The schema has no queries');
    this.#fieldsLeft = 1 + below(MAX_FIELDS);
    const selection = this.#selectionOf(query, []);
    const { definitions, given } = this.#variables;
    const name = chance(50)
      ? pick(['List', 'query', 'A', ...(this.#hasOddNames ? oddNames : [])])
      : '';
    const isShort = name === '' && definitions === '' && chance(80);
    const operation = isShort ? selection : `query ${name}${definitions} ${selection}`;
    const parts = [
      operation,
      ...this.#fragments.map((each) => `fragment ${each.name} on ${each.on} ${each.text}`),
    ];
    const others = name !== '' && chance(20) ? ['query Other { __typename }'] : [];
    parts.splice(below(parts.length + 1), 0, ...others);
    const chosen = pick([name, name, name, 'Other', 'Nothing', '']);
    return {
      query: parts.join(pick([' ', '\n', '\n# and\n', ',,\r\n'])),
      ...((Object.keys(given).length > 0 || chance(20)) && { variables: given }),
      ...(others.length > 0 || chance(5) ? { operationName: chosen } : {}),
    };
  }

  /** `path`: the names by which the object stands in the answer. */
  #selectionOf(type: GraphQLCompositeType, path: readonly string[]): string {
    const { below } = this.options.choices;
    const count = 1 + below(path.length === 0 ? 3 : 6);
    const parts = Array.from({ length: count }, () => this.#part(type, path));
    return `{ ${parts.join(' ')} }`;
  }

  #part(type: GraphQLCompositeType, path: readonly string[]): string {
    const { chance } = this.options.choices;
    if (this.#fieldsLeft > 0 && chance(15)) return this.#inlineFragment(type, path);
    if (this.#fieldsLeft > 0 && chance(12)) return this.#spread(type, path);
    return this.#field(type, path);
  }

  #inlineFragment(type: GraphQLCompositeType, path: readonly string[]): string {
    const { chance } = this.options.choices;
    const within = isObjectType(type) ? type : this.#objectOf(type);
    const on = chance(70) || within !== type ? `on ${within.name} ` : '';
    return `... ${on}${this.#directives()}${this.#selectionOf(within, path)}`;
  }

  #spread(type: GraphQLCompositeType, path: readonly string[]): string {
    const { chance, pick } = this.options.choices;
    const fitting = this.#fragments.filter(({ on }) => on === type.name);
    if (fitting.length > 0 && chance(50)) return `...${pick(fitting).name}${this.#directives()}`;
    const within = isObjectType(type) && !chance(10) ? type : this.#objectOf(type);
    const text = this.#selectionOf(within, path);
    const name = `F${this.#fragments.length}`;
    this.#fragments.push({ name, on: within.name, text });
    return `...${name}${this.#directives()}`;
  }

  #field(type: GraphQLCompositeType, path: readonly string[]): string {
    const { chance, pick } = this.options.choices;
    if (path.length === 0 && chance(2)) return pick(introspections);
    const name = (given: string) => (chance(25) ? `${this.#alias(path)}: ${given}` : given);
    if (!isObjectType(type) || this.#fieldsLeft <= 0 || chance(8)) return name('__typename');
    this.#fieldsLeft -= 1;
    const field = pick(Object.values(type.getFields()));
    return this.#fieldOf(field, path);
  }

  #fieldOf(field: GraphQLField<unknown, unknown>, path: readonly string[]): string {
    const { chance } = this.options.choices;
    const args = this.#argumentsOf(field);
    // Another one of this name with other arguments would be a conflict.
    const alias = args !== '' || chance(20) ? this.#alias(path) : null;
    const named = alias === null ? field.name : `${alias}: ${field.name}`;
    const type: GraphQLNamedType = getNamedType(field.type);
    const selection =
      isCompositeType(type) && !isLeafType(type)
        ? ` ${this.#selectionOf(type, [...path, alias ?? field.name])}`
        : '';
    return `${named}${args}${this.#directives()}${selection}`;
  }

  #argumentsOf(field: GraphQLField<unknown, unknown>): string {
    const { choices, vocabulary } = this.options;
    const parts = field.args.flatMap(({ name, type, defaultValue }) => {
      const hasDefault = defaultValue !== undefined;
      const isRequired = isNonNullType(type) && !hasDefault;
      if (!isRequired && !choices.chance(30)) return [];
      const value = inputValue(type, choices, vocabulary);
      const asVariable = (place: GraphQLInputType, given: unknown) =>
        choices.chance(15) ? this.#variables.add(place, given, { hasDefault: false }) : null;
      const text = choices.chance(35)
        ? this.#variables.add(type, value, { hasDefault })
        : literal(type, value, { choices, asVariable });
      return [`${name}: ${text}`];
    });
    return parts.length === 0 ? '' : `(${parts.join(', ')})`;
  }

  #directives(): string {
    const { chance, pick } = this.options.choices;
    if (!this.#hasDirectives || !chance(30)) return ' ';
    const type = this.schema.getDirective('skip')?.args[0]?.type;
    if (type === undefined) return ' ';
    const value = chance(50);
    const text = chance(60)
      ? String(value)
      : this.#variables.add(type, value, { hasDefault: false });
    return ` @${pick(['skip', 'include'])}(if: ${text}) `;
  }

  /** A name that stands nowhere else in the document; now and then one that some code might stumble over. */
  #alias(path: readonly string[]): string {
    const { chance, pick } = this.options.choices;
    const known = [...this.#aliases, 'export', 'x'];
    const odd = [
      ...oddNames,
      'class',
      `_${pick(known)}`,
      // As somebody might join the names on the way to another place.
      `${pick(['jsonUrl', 'files', 'url', 'data'])}_${pick(known)}`,
      `${pick(['jsonUrl', 'files', 'url', 'data'])}_${pick(known)}`,
      [...path, pick(known)].join('_'),
      [pick(known), ...[...path].reverse()].join('_'),
    ];
    const wanted = pick(odd);
    // Not the name of a field, which may stand beside it.
    const isFree = !this.#aliases.has(wanted) && wanted !== 'data';
    const alias = this.#hasOddNames && chance(50) && isFree ? wanted : `a${this.#aliases.size}`;
    this.#aliases.add(alias);
    return alias;
  }

  #objectOf(type: GraphQLCompositeType) {
    if (isObjectType(type)) return type;
    return this.options.choices.pick(this.schema.getPossibleTypes(type));
  }
}
