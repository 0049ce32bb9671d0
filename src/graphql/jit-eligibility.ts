import {
  BREAK,
  getNamedType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';

/** Whether graphql-jit executes a document as graphql-js does. test/fuzz found most exceptions. */
export function isJitEligible(document: DocumentNode, schema: GraphQLSchema): boolean {
  const typeInfo = new TypeInfo(schema);
  const responseNames = new Set<string>();
  let eligible = true as boolean;
  const reject = () => {
    eligible = false;
    return BREAK;
  };
  const visitor = visitWithTypeInfo(typeInfo, {
    // The JIT mixes up @skip and @include of overlapping fragments.
    [Kind.DIRECTIVE]: reject,
    // Assigning a property of this name sets the prototype instead.
    [Kind.NAME]: ({ value }) => (value === '__proto__' ? reject() : undefined),
    [Kind.FIELD]({ name, alias }) {
      responseNames.add((alias ?? name).value);
      // Introspection is rare, and expensive to compile.
      return name.value === '__schema' || name.value === '__type' ? reject() : undefined;
    },
    // The JIT ignores variables inside the literal of a custom scalar.
    [Kind.ARGUMENT]({ value }) {
      const argument = typeInfo.getArgument();
      const type = argument && getNamedType(argument.type);
      const isCustomScalar = isScalarType(type) && !isSpecifiedScalarType(type);
      return isCustomScalar && value.kind !== Kind.VARIABLE ? reject() : undefined;
    },
  });
  visit(document, visitor);
  return eligible && !isAmbiguous(responseNames, schema);
}

/**
 * Whether the JIT might confuse two paths of the response. It joins the response names of a path by
 * `_`, from the last to the first, with `idx` and a number for a list and type names for fragments.
 * Two paths can get the same text only if a response name contains `_` and then one of these.
 */
function isAmbiguous(responseNames: ReadonlySet<string>, schema: GraphQLSchema): boolean {
  for (const name of responseNames) {
    for (let at = name.indexOf('_'); at !== -1; at = name.indexOf('_', at + 1)) {
      const end = name.slice(at + 1);
      if (responseNames.has(end) || schema.getType(end) || /^idx\d+$/.test(end)) return true;
    }
  }
  return false;
}
