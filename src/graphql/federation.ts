import { GraphQLScalarType, type GraphQLResolveInfo } from 'graphql';
import {
  Arg,
  createUnionType,
  Ctx,
  Directive,
  Field,
  Info,
  ObjectType,
  Query,
  Resolver,
  type Complexity,
} from 'type-graphql';

import { toError, BadUserInputError } from '../errors.js';
import { exportSelection } from '../exports/export-selection.js';
import type { ExportResolver } from '../exports/export-resolver.js';
import { Export } from '../exports/export.js';
import type { Context } from './context.js';
import { stitchingSdl, subgraphSdl } from './sdl.js';

// The names and shapes are those of the subgraph specification of Apollo Federation:
// https://www.apollographql.com/docs/graphos/reference/federation/subgraph-spec

const Any = new GraphQLScalarType({
  name: '_Any',
  description:
    'A representation of an entity: an object with __typename and the fields of its key.',
});

const Entity = createUnionType({
  name: '_Entity',
  description: 'The types that other subgraphs can refer to.',
  types: () => [Export] as const,
});

@ObjectType('_Service', { description: 'This subgraph, as a federation router reads it.' })
class Service {
  @Field(() => String, { description: 'The schema of this subgraph for Apollo Federation 2.' })
  readonly sdl!: string;
}

/** For one statement. Each entity costs at least 1: @skip omits its selection, not its lookup. */
const entitiesCost: Complexity = ({ args, childComplexity }) => {
  const { representations } = args as { representations: readonly unknown[] };
  return 20 + representations.length * Math.max(1, childComplexity);
};

/** The schema is about nine kilobytes of text, and gateways read it once. */
const SDL_COST = 500;

/** The fields that a subgraph needs for Apollo Federation 2 and for schema stitching. */
@Resolver()
export class FederationResolver {
  #federationSdl: string | undefined;
  #stitchingSdl: string | undefined;

  constructor(private readonly exports: ExportResolver) {}

  @Query(() => Service, {
    name: '_service',
    complexity: SDL_COST,
    description: 'The schema of this subgraph, for routers of Apollo Federation.',
  })
  service(@Info() { schema }: GraphQLResolveInfo): Pick<Service, 'sdl'> {
    return { sdl: (this.#federationSdl ??= subgraphSdl(schema)) };
  }

  @Query(() => [Entity], {
    name: '_entities',
    nullable: 'items',
    complexity: entitiesCost,
    description:
      'The entities of representations, in the same order, with null for each that does not exist. For routers of Apollo Federation.',
  })
  async entities(
    @Arg('representations', () => [Any], { description: 'The entities to look up.' })
    representations: unknown[],
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(object | null)[]> {
    // The selection requests the links, because a router cannot pass arguments.
    const requested = { includeCsv: true, includeJson: true };
    const request = { requested, selection: exportSelection(info), context };
    const resolve = async (representation: unknown, index: number) =>
      this.exports.byId(exportIdOf(representation, index), request);
    // Each fails on its own, as an Error: the JIT would fail the whole list for a rejected promise.
    return Promise.all(
      representations.map((representation, index) => resolve(representation, index).catch(toError)),
    );
  }

  @Directive('@inaccessible')
  @Query(() => String, {
    name: '_sdl',
    complexity: SDL_COST,
    description: 'The schema of this gateway with the directives of schema stitching.',
  })
  sdl(@Info() { schema }: GraphQLResolveInfo): string {
    return (this.#stitchingSdl ??= stitchingSdl(schema));
  }
}

/** Throws BadUserInputError when the representation is not one of an export. */
function exportIdOf(representation: unknown, index: number): string {
  const { __typename: type, id } = (representation ?? {}) as Record<string, unknown>;
  const argument = `representations[${index}]`;
  if (type !== 'Export') {
    throw new BadUserInputError(`${argument}.__typename`, 'must be Export, the only entity here.');
  }
  if (typeof id !== 'string') {
    throw new BadUserInputError(`${argument}.id`, 'must be the id of an export.');
  }
  return id;
}
