import fc from 'fast-check';
import {
  getNullableType,
  GraphQLString,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLInputType,
} from 'graphql';

/** Values that mean something to the gateway. */
export interface Vocabulary {
  readonly ids: readonly string[];
  readonly texts: readonly string[];
}

const oddTexts = ['', ' ', '%_\\!', '"quoted"', 'é🎉', "' OR 1=1 --", '\n\t', '{ exports }', '\0'];
const oddIds = [0, 7, -1, 1e20, 'exp_', '', 'EXP_é', 'x'.repeat(400)];
const oddRepresentations = [
  ...[null, 5, -0.5, true, 'Export', [], {}, { __typename: 'Shipment', id: '1' }],
  ...[5, null, ['x']].map((id) => ({ __typename: 'Export', id, more: [1, { deep: null }] })),
];

/** Values of an input type as `variables` holds them: mostly valid ones. */
export function inputValue(type: GraphQLInputType, words: Vocabulary): fc.Arbitrary<unknown> {
  if (!isNonNullType(type)) return fc.option(nonNullValue(type, words), { freq: 9 });
  return nonNullValue(type.ofType, words);
}

function nonNullValue(type: GraphQLInputType, words: Vocabulary): fc.Arbitrary<unknown> {
  if (isListType(type)) {
    const item = inputValue(type.ofType, words);
    const tooLong = fc.array(item, { minLength: 101, maxLength: 101 });
    // GraphQL accepts a single value as a list of one.
    return fc.oneof(
      { weight: 44, arbitrary: fc.array(item, { maxLength: 3 }) },
      { weight: 5, arbitrary: item },
      { weight: 1, arbitrary: tooLong },
    );
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    const values = fields.map((field) => [field.name, inputValue(field.type, words)] as const);
    return fc.record(Object.fromEntries(values), { requiredKeys: [] });
  }
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map(({ name }) => name));
  switch (type.toString()) {
    case 'Boolean':
      return fc.boolean();
    case 'Int':
      return mostly([1, 2, 3, 5, 10], [0, -1, 100, 101, 2_147_483_647, -2_147_483_648]);
    case 'ID':
      return mostly(words.ids, oddIds);
    case 'String':
      return mostly(words.texts, oddTexts);
    default: {
      const representations = words.ids.map((id) => ({ __typename: 'Export', id }));
      return mostly(representations, oddRepresentations);
    }
  }
}

function mostly(usual: readonly unknown[], odd: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...usual) }, fc.constantFrom(...odd));
}

/** Prints a value as a document contains it; `printPart` prints the values inside. */
export function printLiteral(
  type: GraphQLInputType,
  value: unknown,
  printPart: (type: GraphQLInputType, value: unknown) => string = printLiteral,
): string {
  const nullable = getNullableType(type);
  const item = isListType(nullable) ? nullable.ofType : nullable;
  if (Array.isArray(value))
    return `[${value.map((each: unknown) => printPart(item, each)).join(', ')}]`;
  if (isListType(nullable)) return printLiteral(item, value, printPart);
  if (typeof value === 'object' && value !== null) {
    // Custom scalars define no types of their parts.
    const fields = isInputObjectType(nullable) ? nullable.getFields() : {};
    const parts = Object.entries(value).map(
      ([name, part]) => `${name}: ${printPart(fields[name]?.type ?? GraphQLString, part)}`,
    );
    return `{ ${parts.join(', ')} }`;
  }
  if (isEnumType(nullable) && typeof value === 'string') return value;
  // GraphQL has no exponents in integers.
  return Number.isInteger(value) ? BigInt(value as number).toString() : JSON.stringify(value);
}
