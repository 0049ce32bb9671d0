import {
  GraphQLString,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLInputType,
} from 'graphql';

import type { Choices } from './choices.js';

/** Texts that mean something to the gateway that is asked, beside those that mean nothing to any. */
export interface Vocabulary {
  readonly ids: readonly string[];
  readonly cursors: readonly string[];
  readonly words: readonly string[];
}

/** Puts a variable of this type and value in the place of a literal; null where it shall stay a literal. */
export type AsVariable = (type: GraphQLInputType, value: unknown) => string | null;

const fewNumbers = [1, 2, 3, 5, 10];
const otherNumbers = [0, -1, 100, 101, 2_147_483_647, -2_147_483_648];
const otherTexts = [
  '',
  ' ',
  '%_\\!',
  '"quoted"',
  'é🎉',
  "' OR 1=1 --",
  '\n\t',
  '{ exports }',
  '\0',
];
const otherIds = [0, 7, -1, 1e20, 'exp_', '', 'EXP_é', 'x'.repeat(400)];
const otherRepresentations = [
  null,
  5,
  -0.5,
  true,
  'Export',
  [],
  {},
  { __typename: 'Export' },
  { __typename: 'Export', id: 5 },
  { __typename: 'Export', id: null },
  { __typename: 'Export', id: ['x'], name: { more: [1, { deep: null }] } },
  { __typename: 'Shipment', id: '1' },
];

/** A value of an input type as a request would give it in a variable: mostly one that is served, some that are not. */
export function inputValue(
  type: GraphQLInputType,
  choices: Choices,
  vocabulary: Vocabulary,
): unknown {
  const { below, chance, pick } = choices;
  const valueOf = (each: GraphQLInputType) => inputValue(each, choices, vocabulary);
  if (isNonNullType(type)) {
    const inner = type.ofType;
    return valueOf(inner) ?? valueOf(inner) ?? (isListType(inner) ? [] : 'x');
  }
  if (chance(10)) return null;
  if (isListType(type)) {
    const item = type.ofType;
    // One value counts as a list of it.
    if (chance(10)) return valueOf(item);
    const length = chance(2) ? 101 : below(4);
    return Array.from({ length }, () => valueOf(item));
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(() => chance(40));
    return Object.fromEntries(fields.map((field) => [field.name, valueOf(field.type)]));
  }
  if (isEnumType(type)) return pick(type.getValues()).name;
  switch (type.name) {
    case 'Boolean':
      return chance(60);
    case 'Int':
      return pick(chance(12) ? otherNumbers : fewNumbers);
    case 'ID':
      return chance(20) ? pick(otherIds) : pick(vocabulary.ids);
    case 'String':
      if (chance(40)) return pick(vocabulary.words);
      return chance(50) ? pick(vocabulary.cursors) : pick(otherTexts);
    default:
      return chance(25)
        ? pick(otherRepresentations)
        : { __typename: 'Export', id: pick(vocabulary.ids) };
  }
}

/** A value as it stands in a document, with variables in the place of some of its parts. */
export function literal(
  type: GraphQLInputType,
  value: unknown,
  { choices, asVariable }: { choices: Choices; asVariable: AsVariable },
): string {
  function part(partType: GraphQLInputType, partValue: unknown): string {
    return asVariable(partType, partValue) ?? whole(partType, partValue);
  }

  function whole(wholeType: GraphQLInputType, given: unknown): string {
    if (isNonNullType(wholeType)) return whole(wholeType.ofType, given);
    if (given === null || given === undefined) return 'null';
    if (isListType(wholeType)) {
      const item = wholeType.ofType;
      if (!Array.isArray(given)) return whole(item, given);
      return `[${given.map((each: unknown) => part(item, each)).join(', ')}]`;
    }
    if (isInputObjectType(wholeType)) {
      const fields = wholeType.getFields();
      const parts = Object.entries(given).flatMap(([name, each]: [string, unknown]) => {
        const field = fields[name];
        return field === undefined ? [] : [`${name}: ${part(field.type, each)}`];
      });
      return `{ ${parts.join(', ')} }`;
    }
    if (isEnumType(wholeType) && typeof given === 'string') return given;
    if (typeof given === 'string') return quoted(given);
    if (typeof given === 'object') return anything(given);
    // GraphQL has no exponents in its whole numbers.
    return typeof given === 'number' && Number.isInteger(given)
      ? BigInt(given).toString()
      : JSON.stringify(given);
  }

  function quoted(text: string): string {
    return choices.chance(10) && /^[\w ]+$/.test(text) ? `"""${text}"""` : JSON.stringify(text);
  }

  /** Inside of `_Any`, where types are unknown. */
  function anything(given: unknown): string {
    if (Array.isArray(given)) return `[${given.map(anything).join(', ')}]`;
    if (typeof given !== 'object' || given === null) return JSON.stringify(given);
    const parts = Object.entries(given).map(([name, each]: [string, unknown]) => {
      const variable = typeof each === 'string' ? asVariable(GraphQLString, each) : null;
      return `${name}: ${variable ?? anything(each)}`;
    });
    return `{ ${parts.join(', ')} }`;
  }

  return whole(type, value);
}
