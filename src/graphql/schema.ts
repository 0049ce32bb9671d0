import { lexicographicSortSchema, printSchema, type GraphQLSchema } from 'graphql';
import { buildSchema, type ContainerType } from 'type-graphql';

import { ExportResolver } from '../exports/export-resolver.js';

/** The schema, ready to execute; `resolver` serves the queries and fields of exports. */
export async function createSchema(resolver: ExportResolver): Promise<GraphQLSchema> {
  return schemaOf({ get: () => resolver });
}

/** The text of the schema, sorted, so that it changes only when the schema does. */
export async function createSchemaText(): Promise<string> {
  return `${printSchema(lexicographicSortSchema(await schemaOf()))}\n`;
}

async function schemaOf(container?: ContainerType): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: [ExportResolver],
    ...(container && { container }),
    // The arguments are checked where they are read (exports/export-args.ts), in words of this API.
    validate: false,
  });
  const query = schema.getQueryType();
  // TypeGraphQL has no place to say it.
  if (query) query.description = 'What can be asked: one export, or a list of them.';
  return schema;
}
