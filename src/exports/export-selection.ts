import { collectSubFields } from '@graphql-tools/utils';
import {
  isObjectType,
  Kind,
  visit,
  type ASTNode,
  type FieldNode,
  type GraphQLResolveInfo,
  type OperationDefinitionNode,
} from 'graphql';

import { ExportFileKind } from './export-file.js';
import { exportColumns, type ExportColumn } from './export.js';

/** What a request asks of each export. Nothing else is read for it. */
export interface ExportSelection {
  readonly columns: readonly ExportColumn[];
  /** Whether `files` is selected. */
  readonly files: boolean;
  /** The kinds whose own field (`jsonUrl` …) is selected. */
  readonly urls: readonly ExportFileKind[];
}

/** What a request asks of a list. */
export interface ExportListSelection extends ExportSelection {
  /** Whether any of it needs the rows of the page: for a count alone there is nothing to list. */
  readonly rows: boolean;
  readonly count: boolean;
}

const urlFields: Readonly<Record<string, ExportFileKind>> = {
  jsonUrl: ExportFileKind.JSON,
  csvUrl: ExportFileKind.CSV,
  csvErrorUrl: ExportFileKind.CSV_ERROR,
  csvSanitizedUrl: ExportFileKind.CSV_SANITIZED,
};

function ofExports(info: GraphQLResolveInfo, nodes: readonly FieldNode[]): ExportSelection {
  const names = [...selectedFields(info, 'Export', nodes).keys()];
  const files = names.includes('files');
  const urls = names.flatMap((name) => urlFields[name] ?? []);
  const columns = new Set<ExportColumn>(['id']);
  for (const name of names) if (isColumn(name)) columns.add(name);
  // They decide what is to be had of the files.
  if (files || urls.length > 0) columns.add('status').add('expiresAt');
  return { columns: [...columns], files, urls };
}

function ofList(info: GraphQLResolveInfo): ExportListSelection {
  const list = selectedFields(info, 'ExportConnection', info.fieldNodes);
  const pagination = selectedFields(info, 'ExportPagination', list.get('pagination') ?? []);
  return {
    ...ofExports(info, list.get('data') ?? []),
    rows: list.has('data') || pagination.has('hasMore') || pagination.has('endCursor'),
    count: pagination.has('totalCount') || pagination.has('totalPages'),
  };
}

/** The fields that `nodes` select of an object type, with fragments, @skip and @include carried out; by name, whatever their aliases. */
function selectedFields(
  { schema, fragments, variableValues }: GraphQLResolveInfo,
  typeName: string,
  nodes: readonly FieldNode[],
): Map<string, FieldNode[]> {
  const type = schema.getType(typeName);
  if (!isObjectType(type)) throw new Error(`${typeName} is no object type of the schema`);
  const byName = new Map<string, FieldNode[]>();
  const collected = collectSubFields(schema, fragments, variableValues, type, [...nodes]);
  for (const node of [...collected.fields.values()].flat()) {
    const { value: name } = node.name;
    byName.set(name, [...(byName.get(name) ?? []), node]);
  }
  return byName;
}

function isColumn(name: string): name is ExportColumn {
  return Object.hasOwn(exportColumns, name);
}

/** What is selected of the exports that the field of `info` returns. */
export const exportSelection = memoizeByNode((info) => ofExports(info, info.fieldNodes));

/** What is selected of the list that the field of `info` returns. */
export const exportListSelection = memoizeByNode(ofList);

/**
 * Reads the selection of a field once for each document rather than for each request. (Apollo keeps documents, and so do
 * their nodes stay the same.) Where @skip or @include has a say, it differs from request to request.
 */
function memoizeByNode<Selection>(
  read: (info: GraphQLResolveInfo) => Selection,
): (info: GraphQLResolveInfo) => Selection {
  const selections = new WeakMap<FieldNode, Selection>();
  return (info) => {
    const [node, ...others] = info.fieldNodes;
    if (node === undefined || others.length > 0 || !isUnconditional(info)) return read(info);
    let selection = selections.get(node);
    if (selection === undefined) selections.set(node, (selection = read(info)));
    return selection;
  };
}

const unconditional = new WeakMap<OperationDefinitionNode, boolean>();

function isUnconditional({ operation, fragments }: GraphQLResolveInfo): boolean {
  let known = unconditional.get(operation);
  if (known === undefined) {
    known = ![operation, ...Object.values(fragments)].some(hasDirectives);
    unconditional.set(operation, known);
  }
  return known;
}

function hasDirectives(node: ASTNode): boolean {
  let found = false;
  visit(node, {
    [Kind.DIRECTIVE]() {
      found = true;
    },
  });
  return found;
}
