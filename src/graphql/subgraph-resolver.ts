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

/**
 * What Apollo Federation 2 and schema stitching ask of a subgraph. The names and shapes are those of the federation
 * specification (https://www.apollographql.com/docs/graphos/reference/federation/subgraph-spec).
 */

const Any = new GraphQLScalarType({
  name: '_Any',
  description:
    'A representation of an entity: an object with __typename and the fields of its key.',
});

const Entity = createUnionType({
  name: '_Entity',
  description: 'What other subgraphs can refer to.',
  types: () => [Export] as const,
});

@ObjectType('_Service', { description: 'This subgraph, as a router asks for it.' })
class Service {
  @Field(() => String, { description: 'Its schema for Apollo Federation 2.' })
  readonly sdl: string;

  constructor(sdl: string) {
    this.sdl = sdl;
  }
}

/** One statement for all of them, with the selection once for each. */
const entitiesCost: Complexity = ({ args, childComplexity }) => {
  const { representations } = args as { representations: readonly unknown[] };
  // At least 1 for each, for a selection may be skipped as a whole, and they are looked up all the same.
  return 20 + representations.length * Math.max(1, childComplexity);
};

/** The text of the schema is some nine kilobytes, and is asked for once. */
const TEXT_COST = 500;

/** Through `_entities` the selection itself asks for links. */
const BOTH_LINKS = { includeCsv: true, includeJson: true };

@Resolver()
export class SubgraphResolver {
  /** `texts`: the schema that this resolver is part of, which is there only when it is built. */
  constructor(
    private readonly exports: ExportResolver,
    private readonly texts: () => { readonly federation: string; readonly stitching: string },
  ) {}

  @Query(() => Service, {
    name: '_service',
    complexity: TEXT_COST,
    description: 'The schema of this subgraph, for routers of Apollo Federation.',
  })
  service(): Service {
    return new Service(this.texts().federation);
  }

  @Query(() => [Entity], {
    name: '_entities',
    nullable: 'items',
    complexity: entitiesCost,
    description:
      'The entities that representations stand for, in their order, null where there is none. For routers of Apollo Federation.',
  })
  async entities(
    @Arg('representations', () => [Any], { description: 'What to look up.' })
    representations: unknown[],
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(object | null)[]> {
    const asked = { requested: BOTH_LINKS, selection: exportSelection(info), context };
    // Each on its own: one that is wrong is an error in its place, and the others are answered. An error, not a promise that
    // fails, for which a compiled query would not keep the place.
    const lookUp = async (representation: unknown, index: number) =>
      this.exports.byId(idIn(representation, index), asked);
    return Promise.all(
      representations.map((representation, index) => lookUp(representation, index).catch(toError)),
    );
  }

  @Directive('@inaccessible')
  @Query(() => String, {
    name: '_sdl',
    complexity: TEXT_COST,
    description: 'The schema of this gateway with the directives of schema stitching.',
  })
  sdl(): string {
    return this.texts().stitching;
  }
}

/** The id of the export that a representation stands for. Throws BadUserInputError. */
function idIn(representation: unknown, index: number): string {
  const { __typename: type, id } = (representation ?? {}) as Record<string, unknown>;
  const place = `representations[${index}]`;
  if (type !== 'Export') {
    throw new BadUserInputError(`${place}.__typename`, 'must be Export, the one entity here.');
  }
  if (typeof id !== 'string') {
    throw new BadUserInputError(`${place}.id`, 'must be the id of an export.');
  }
  return id;
}
