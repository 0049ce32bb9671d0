import { GraphQLError, visit, type ASTVisitor, type ValidationContext } from 'graphql';

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
