import { Field, Int, ObjectType } from 'type-graphql';

import { isOneOf, type NormalizedExportFilter } from './export-filter.js';
import { ExportResource, ExportStatus } from './export.js';

/** How many exports have a resource and a status; null stands for values that no field can hold. */
export interface ExportGroup {
  readonly resource: ExportResource | null;
  readonly status: ExportStatus | null;
  readonly count: number;
}

const COUNT = { description: 'The number of exports.' };

@ObjectType({ description: 'How many exports have a status.', simpleResolvers: true })
class ExportStatusCount {
  @Field(() => ExportStatus, { description: 'The status.' })
  readonly status!: ExportStatus;

  @Field(() => Int, COUNT)
  readonly count!: number;
}

@ObjectType({ description: 'How many exports have a resource.', simpleResolvers: true })
class ExportResourceCount {
  @Field(() => ExportResource, { description: 'The resource.' })
  readonly resource!: ExportResource;

  @Field(() => Int, COUNT)
  readonly count!: number;
}

@ObjectType({
  description: 'How many exports each value of a filter would find beside the other conditions.',
  simpleResolvers: true,
})
export class ExportFacets {
  @Field(() => [ExportStatusCount], {
    description: 'Each status, zeros included, counted with every condition but `statuses`.',
  })
  readonly statuses: readonly { readonly status: ExportStatus; readonly count: number }[];

  @Field(() => [ExportResourceCount], {
    description:
      'Each resource, zeros included, counted with every condition but `resource` and `resources`.',
  })
  readonly resources: readonly { readonly resource: ExportResource; readonly count: number }[];

  /** `groups` meet every condition of the filter but those of resource and status. */
  constructor(groups: readonly ExportGroup[], filter: NormalizedExportFilter) {
    const ofStatuses = groups.filter(({ status }) => isOneOf(filter.statuses, status));
    const ofResources = groups.filter(({ resource }) => isOneOf(filter.resources, resource));
    this.statuses = Object.values(ExportStatus).map((status) => ({
      status,
      count: total(ofResources.filter((group) => group.status === status)),
    }));
    this.resources = Object.values(ExportResource).map((resource) => ({
      resource,
      count: total(ofStatuses.filter((group) => group.resource === resource)),
    }));
  }
}

/** How many exports of the groups match the whole filter. */
export function totalOf(groups: readonly ExportGroup[], filter: NormalizedExportFilter): number {
  return total(
    groups.filter(
      ({ resource, status }) =>
        isOneOf(filter.resources, resource) && isOneOf(filter.statuses, status),
    ),
  );
}

function total(groups: readonly ExportGroup[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}
