import {
  Kind,
  type DocumentNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** How many levels of fields an operation of a valid document selects, through fragments. */
export function selectionDepth(operation: OperationDefinitionNode, document: DocumentNode): number {
  return measureSelections(operation, document, (a, b) => Math.max(a, b));
}

/** How many fields the operations of a valid document select, counting each use of a fragment. */
export function fieldCount(document: DocumentNode): number {
  const sum = (a: number, b: number) => a + b;
  return document.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((operation) => measureSelections(operation, document, sum))
    .reduce(sum, 0);
}

/** Validation bounds the recursion: it rejects cycles of fragments and too many selections. */
function measureSelections(
  operation: OperationDefinitionNode,
  { definitions }: DocumentNode,
  combine: (a: number, b: number) => number,
): number {
  const fragments = new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((definition) => [definition.name.value, definition.selectionSet]),
  );

  function measure(set: SelectionSetNode | undefined): number {
    const measures = set?.selections.map((selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        return measure(fragments.get(selection.name.value));
      }
      const selected = measure(selection.selectionSet);
      return selection.kind === Kind.FIELD ? 1 + selected : selected;
    });
    return measures?.reduce(combine, 0) ?? 0;
  }

  return measure(operation.selectionSet);
}
