import { GraphQLError, type ASTVisitor, type ValidationContext } from 'graphql';

/**
 * A mutation or subscription is a mistake of the client where the schema has none. Without this rule graphql-js notices
 * only when it executes, with an error that looks like one of the server. (graphql-js has this rule from 17 on.)
 */
export function readOnlyOperationsRule(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(node) {
      if (context.getSchema().getRootType(node.operation)) return;
      const message = `There is no ${node.operation} in this API; it only reads.`;
      context.reportError(new GraphQLError(message, { nodes: node }));
    },
  };
}
