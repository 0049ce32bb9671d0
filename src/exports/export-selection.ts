import { collectSubFields } from '@graphql-tools/utils';
import { isObjectType, type FieldNode, type GraphQLResolveInfo } from 'graphql';

import { ExportFileKind } from './export-file.js';
import { exportColumns, requiredColumns, type ExportColumn } from './export.js';

/** The data that a field needs of each of its exports. */
export interface ExportSelection {
  readonly columns: readonly ExportColumn[];
  readonly files: boolean;
  /** The kinds whose own URL fields are selected. */
  readonly urls: readonly ExportFileKind[];
}

const urlFields: Readonly<Record<string, ExportFileKind>> = {
  jsonUrl: ExportFileKind.JSON,
  csvUrl: ExportFileKind.CSV,
  csvErrorUrl: ExportFileKind.CSV_ERROR,
  csvSanitizedUrl: ExportFileKind.CSV_SANITIZED,
};

/** What fields that are computed read beside the required columns. */
const computedFrom: Readonly<Record<string, readonly ExportColumn[]>> = {
  progress: ['countProcessed'],
  estimatedCompletionAt: ['countProcessed', 'startedAt'],
  isExpired: ['expiresAt'],
};

export const exportSelection = memoizeByNode((info) => selectionIn(info, info.fieldNodes));

/** The selection of a field that returns a list, and whether it needs rows, count and facets. */
export const exportListSelection = memoizeByNode((info) => {
  const list = selectedFields(info, 'ExportConnection', info.fieldNodes);
  const pagination = selectedFields(info, 'ExportPagination', list.get('pagination') ?? []);
  const edges = selectedFields(info, 'ExportEdge', list.get('edges') ?? []);
  const ofRows = ['data', 'edges', 'pageInfo'].some((field) => list.has(field));
  return {
    ...selectionIn(info, [...(list.get('data') ?? []), ...(edges.get('node') ?? [])]),
    rows: ofRows || pagination.has('hasMore') || pagination.has('endCursor'),
    count: pagination.has('totalCount') || pagination.has('totalPages'),
    facets: list.has('facets'),
  };
});

function selectionIn(info: GraphQLResolveInfo, nodes: readonly FieldNode[]): ExportSelection {
  const names = [...selectedFields(info, 'Export', nodes).keys()];
  const isColumn = (name: string): name is ExportColumn => Object.hasOwn(exportColumns, name);
  const files = names.includes('files');
  const urls = names.flatMap((name) => urlFields[name] ?? []);
  const computed = names.flatMap((name) => computedFrom[name] ?? []);
  const columns = new Set([...requiredColumns, ...names.filter(isColumn), ...computed]);
  // The states and links of files depend on it.
  if (files || urls.length > 0) columns.add('expiresAt');
  return { columns: [...columns], files, urls };
}

/** Returns the fields that `nodes` select of a type, by name. Applies @skip and @include. */
function selectedFields(
  { schema, fragments, variableValues }: GraphQLResolveInfo,
  typeName: string,
  nodes: readonly FieldNode[],
): Map<string, FieldNode[]> {
  const type = schema.getType(typeName);
  if (!isObjectType(type)) throw new Error(`The schema has no object type ${typeName}.`);
  const byName = new Map<string, FieldNode[]>();
  const variables = { coerced: variableValues, sources: {} };
  const { fields } = collectSubFields(schema, fragments, variables, type, [...nodes]);
  for (const node of [...fields.values()].flat()) {
    const { value: name } = node.name;
    byName.set(name, [...(byName.get(name) ?? []), node]);
  }
  return byName;
}

/** Requests with the same text share their nodes. Selections with directives may vary by request. */
function memoizeByNode<Selection>(
  read: (info: GraphQLResolveInfo) => Selection,
): (info: GraphQLResolveInfo) => Selection {
  const selections = new WeakMap<FieldNode, Selection>();
  return (info) => {
    const [node, ...others] = info.fieldNodes;
    const mayVary = info.operation.loc?.source.body.includes('@') ?? true;
    if (node === undefined || others.length > 0 || mayVary) return read(info);
    let selection = selections.get(node);
    if (selection === undefined) selections.set(node, (selection = read(info)));
    return selection;
  };
}
