import { isUnionType, type GraphQLSchema } from 'graphql';
import { buildSchema, type ContainerType } from 'type-graphql';

import { ExportResolver } from '../exports/export-resolver.js';
import { Export } from '../exports/export.js';
import { schemaText, stitchingSdl, subgraphSdl } from './sdl.js';
import { SubgraphResolver } from './subgraph-resolver.js';

/** The schema, ready to execute; `resolver` serves the queries and fields of exports. */
export async function createSchema(resolver: ExportResolver): Promise<GraphQLSchema> {
  const subgraph = new SubgraphResolver(resolver, () => texts);
  const schema = await schemaOf({
    get: (cls) => (cls === SubgraphResolver ? subgraph : resolver),
  });
  const texts = { federation: subgraphSdl(schema), stitching: stitchingSdl(schema) };
  return schema;
}

/** The text of schema.graphql. */
export async function createSchemaText(): Promise<string> {
  return schemaText(await schemaOf());
}

async function schemaOf(container?: ContainerType): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: [ExportResolver, SubgraphResolver],
    ...(container && { container }),
    // The arguments are checked where they are read (exports/export-args.ts), in words of this API.
    validate: false,
  });
  const query = schema.getQueryType();
  // TypeGraphQL has no place to say it.
  if (query) query.description = 'What can be asked: one export, or a list of them.';
  // TypeGraphQL's own asks asynchronously, for which a compiled query does not wait.
  const entity = schema.getType('_Entity');
  if (isUnionType(entity)) entity.resolveType = () => Export.name;
  return schema;
}
