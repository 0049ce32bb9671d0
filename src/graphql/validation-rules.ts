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

/**
 * Rejects @skip and @include on the field of a subscription, as newer drafts of the specification
 * do: without a field, graphql-js throws a TypeError.
 */
export function unconditionalSubscriptionRule(context: ValidationContext): ASTVisitor {
  const subscription = context.getSchema().getSubscriptionType();
  return {
    SelectionSet({ selections }) {
      if (subscription == null || context.getParentType() !== subscription) return;
      const nodes = selections.flatMap(({ directives = [] }) => directives);
      if (nodes.length === 0) return;
      const message = 'The field of a subscription cannot have directives such as @skip.';
      context.reportError(new GraphQLError(message, { nodes }));
    },
  };
}
