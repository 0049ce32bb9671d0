import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  visit,
  type ASTVisitor,
  type DocumentNode,
  type ValidationContext,
} from 'graphql';

import { QueryTooComplexError } from '../errors.js';
import { limits } from './limits.js';

/** Rejects nesting that would overflow the stack of other rules, and passes them no definitions. */
export function maxNestingRule(context: ValidationContext): ASTVisitor {
  return {
    Document(document) {
      let nesting = 0;
      let deepest = 0;
      visit(document, {
        SelectionSet: {
          enter() {
            nesting += 1;
            deepest = Math.max(deepest, nesting);
          },
          leave() {
            nesting -= 1;
          },
        },
      });
      if (deepest <= limits.nesting) return undefined;
      const message = `The query nests selections more than ${limits.nesting} levels deep.`;
      const originalError = new QueryTooComplexError('nesting', message);
      context.reportError(new GraphQLError(message, { originalError }));
      return { ...document, definitions: [] };
    },
  };
}

/** graphql-js 17 includes this rule. Without it, a mutation is reported as a server error. */
export function readOnlyOperationsRule(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(node) {
      if (context.getSchema().getRootType(node.operation)) return;
      const message = `This API is read-only: it has no ${node.operation} operations.`;
      context.reportError(new GraphQLError(message, { nodes: node }));
    },
  };
}

/**
 * Makes directives on the field of a subscription unknown ones, before validation: newer drafts of
 * the specification forbid @skip and @include there, and graphql-js throws where such a condition
 * has a variable or leaves no field.
 */
export function forbidSubscriptionConditions(document: DocumentNode, type?: string): void {
  const roots = document.definitions.flatMap((each) => {
    const isRoot =
      (each.kind === Kind.OPERATION_DEFINITION &&
        each.operation === OperationTypeNode.SUBSCRIPTION) ||
      (each.kind === Kind.FRAGMENT_DEFINITION && each.typeCondition.name.value === type);
    return isRoot ? [each.selectionSet] : [];
  });
  for (const { selections } of roots) {
    for (const selection of selections) {
      for (const { name } of selection.directives ?? []) {
        Object.assign(name, { value: `${name.value} on the field of a subscription` });
      }
      if (selection.kind === Kind.INLINE_FRAGMENT) roots.push(selection.selectionSet);
    }
  }
}
