import {
  GraphQLList,
  GraphQLNonNull,
  GraphQLString,
  isUnionType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { buildSchema, type ContainerType } from 'type-graphql';

import { ExportFilePreview } from '../exports/preview/export-preview.js';
import type { ExportArgs } from '../exports/export-args.js';
import { ExportResolver, type ExportContext } from '../exports/export-resolver.js';
import { Export } from '../exports/export.js';
import { FederationResolver } from './federation.js';

/** Without a resolver, the schema serves for its texts alone. */
export async function createSchema(resolver?: ExportResolver): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: [ExportResolver, FederationResolver],
    ...(resolver && { container: containerOf(resolver) }),
    // exports/export-args.ts validates arguments, with messages of this API.
    validate: false,
    // Each subscription brings its own source, but TypeGraphQL demands one for all.
    pubSub: { publish: () => undefined, subscribe: () => [] as never },
  });
  const query = schema.getQueryType();
  const lookup = query?.getFields()[ExportResolver.prototype.export.name];
  // TypeGraphQL converts arguments by five promises, a tenth of the CPU time of twenty lookups.
  if (lookup && resolver) {
    lookup.resolve = (_root, args: ExportArgs, context: ExportContext, info) =>
      resolver.export(args, context, info);
  }
  // TypeGraphQL has no option for these descriptions.
  if (query) query.description = 'Reads exports and links to their files.';
  const subscription = schema.getSubscriptionType();
  if (subscription) subscription.description = 'Follows exports while they change.';
  // TypeGraphQL makes each level of a nested list nullable or none.
  const rows = (schema.getType(ExportFilePreview.name) as GraphQLObjectType).getFields()['rows'];
  const row = new GraphQLNonNull(new GraphQLList(GraphQLString));
  if (rows) rows.type = new GraphQLNonNull(new GraphQLList(row));
  // TypeGraphQL resolves the type asynchronously, which graphql-jit does not await.
  const entity = schema.getType('_Entity');
  if (isUnionType(entity)) entity.resolveType = () => Export.name;
  return schema;
}

function containerOf(resolver: ExportResolver): ContainerType {
  const federation = new FederationResolver(resolver);
  return { get: (cls) => (cls === FederationResolver ? federation : resolver) };
}
