import {
  getNamedType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  visit,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';

import { measureSelections } from './selections.js';

/**
 * Tells whether a document is one that the compiler executes as graphql-js does. What it errs in is left to graphql-js; but for the
 * first of them, the tests in test/fuzz have found it.
 */
export function createJitEligibility(schema: GraphQLSchema): (document: DocumentNode) => boolean {
  const anyValues = argumentsOfOwnScalars(schema);
  return function isJitEligible(document) {
    const responseNames = new Set<string>();
    const reasonsAgainst = new Set<string>();
    visit(document, {
      [Kind.DIRECTIVE]() {
        reasonsAgainst.add('@skip and @include, where fragments meet');
      },
      [Kind.NAME]({ value }) {
        if (value === '__proto__') reasonsAgainst.add('a property written by this name is none');
      },
      [Kind.FIELD]({ name, alias, arguments: given = [] }) {
        responseNames.add((alias ?? name).value);
        if (name.value === '__schema' || name.value === '__type') {
          reasonsAgainst.add('introspection is rare');
        }
        for (const { name: argument, value } of given) {
          const isWrittenOut = value.kind !== Kind.VARIABLE;
          if (isWrittenOut && anyValues.has(`${name.value}.${argument.value}`)) {
            reasonsAgainst.add('variables inside of a scalar are not seen');
          }
        }
      },
    });
    return reasonsAgainst.size === 0 && !areAmbiguous(responseNames, schema);
  };
}

/** The arguments that are of a scalar which is not one of GraphQL itself, as `field.argument`. */
function argumentsOfOwnScalars(schema: GraphQLSchema): ReadonlySet<string> {
  const fields = Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .flatMap((type) => Object.values(type.getFields()));
  return new Set(
    fields.flatMap(({ name, args }) =>
      args
        .filter((argument) => {
          const type = getNamedType(argument.type);
          return isScalarType(type) && !isSpecifiedScalarType(type);
        })
        .map((argument) => `${name}.${argument.name}`),
    ),
  );
}

/**
 * Whether two places in an answer might have the same name, as the compiler names them: by all names on the way there, the
 * last one first, with `_` between them, `idx` and a number for a list, and types where there are several. It would take one for
 * the other.
 *
 * From the end on, such names are the same until one ends in `_` and the other.
 */
function areAmbiguous(responseNames: ReadonlySet<string>, schema: GraphQLSchema): boolean {
  for (const name of responseNames) {
    for (let at = name.indexOf('_'); at !== -1; at = name.indexOf('_', at + 1)) {
      const end = name.slice(at + 1);
      const isPartOfWay = responseNames.has(end) || schema.getType(end) !== undefined;
      if (isPartOfWay || /^idx\d+$/.test(end)) return true;
    }
  }
  return false;
}

/** What a document may have to be worth compiling: twenty look-ups of ten fields have 220. */
export const MAX_FIELDS = 500;

/** How many fields the operations of a document have, with every fragment written out. */
export function fieldCount(document: DocumentNode): number {
  return document.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((operation) => measureSelections(operation, document, sum))
    .reduce(sum, 0);
}

function sum(one: number, other: number): number {
  return one + other;
}
