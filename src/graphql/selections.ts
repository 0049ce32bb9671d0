import {
  Kind,
  type DocumentNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/**
 * Measures what an operation selects: a field is 1 and whatever it selects, and `join` makes one number of two that stand
 * beside each other. So `Math.max` tells how many levels there are, and a sum how many fields, with every fragment
 * written out. Each fragment is measured once, however often it is spread.
 */
export function measureSelections(
  operation: OperationDefinitionNode,
  document: DocumentNode,
  join: (one: number, other: number) => number,
): number {
  const fragments = new Map(
    document.definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((definition) => [definition.name.value, definition]),
  );
  const measured = new Map<string, number>();

  function ofFragment(name: string): number {
    const known = measured.get(name);
    if (known !== undefined) return known;
    const measure = ofSelections(fragments.get(name)?.selectionSet);
    measured.set(name, measure);
    return measure;
  }

  function ofSelections(set: SelectionSetNode | undefined): number {
    let whole = 0;
    for (const selection of set?.selections ?? []) {
      let measure: number;
      if (selection.kind === Kind.FRAGMENT_SPREAD) measure = ofFragment(selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        measure = ofSelections(selection.selectionSet);
      else measure = 1 + ofSelections(selection.selectionSet);
      whole = join(whole, measure);
    }
    return whole;
  }

  return ofSelections(operation.selectionSet);
}
