import { createScanner, ScanError, SyntaxKind, type JSONScanner } from 'jsonc-parser';

import { PreviewTableBuilder } from './preview-builder.js';
import type { PreviewTable } from './export-preview.js';

/** A value, as far as the text has it. */
interface Value {
  readonly text: string | null;
  readonly isComplete: boolean;
}

interface Element {
  readonly values: ReadonlyMap<string, string | null>;
  readonly isComplete: boolean;
}

const opening = new Set([SyntaxKind.OpenBraceToken, SyntaxKind.OpenBracketToken]);
const closing = new Set([SyntaxKind.CloseBraceToken, SyntaxKind.CloseBracketToken]);

/** What stands in place of a value where the text breaks. */
const noValue = new Set([
  ...closing,
  ...[SyntaxKind.CommaToken, SyntaxKind.ColonToken, SyntaxKind.EOF, SyntaxKind.Unknown],
]);

/** Longer ones are cut anyway. */
const MAX_NESTED_LENGTH = 1_001;

/**
 * Reads the first elements of a JSON array, or of a sequence of values without one (JSON Lines).
 * An element that is not an object has one value, without a name. One that the end of the text cuts
 * is left out, unless there is no other. Returns null for a text that is not JSON.
 */
export function readJson(text: string, isWhole: boolean): PreviewTable | null {
  const scanner = createScanner(text, true);
  const table = new PreviewTableBuilder();
  let token = scanner.scan();
  const isArray = token === SyntaxKind.OpenBracketToken;
  if (isArray) token = scanner.scan();
  for (; ; token = scanner.scan()) {
    if (token === SyntaxKind.CommaToken) continue;
    if (token === SyntaxKind.EOF) return table.build(isArray || !isWhole);
    if (token === SyntaxKind.CloseBracketToken && isArray) return table.build(false);
    const element = readElement(scanner, text);
    if (element === null) return table.hasRows ? table.build(true) : null;
    if (element.isComplete || !table.hasRows) table.addValues(element.values);
    if (!element.isComplete || table.isFull) return table.build(true);
  }
}

/** Reads the element that begins with the current token; null where none does. */
function readElement(scanner: JSONScanner, source: string): Element | null {
  const token = scanner.getToken();
  if (token === SyntaxKind.OpenBraceToken) return readObject(scanner, source);
  if (noValue.has(token)) return null;
  const { text, isComplete } = readValue(scanner, source);
  return { values: new Map([['', text]]), isComplete };
}

function readObject(scanner: JSONScanner, source: string): Element {
  const values = new Map<string, string | null>();
  let token = scanner.scan();
  while (token === SyntaxKind.StringLiteral) {
    const name = scanner.getTokenValue();
    if (scanner.scan() !== SyntaxKind.ColonToken) break;
    token = scanner.scan();
    // Python writes NaN and Infinity.
    if (noValue.has(token) && token !== SyntaxKind.Unknown) break;
    const { text, isComplete } = readValue(scanner, source);
    values.set(name, text);
    if (!isComplete) break;
    token = scanner.scan();
    if (token === SyntaxKind.CommaToken) token = scanner.scan();
  }
  return { values, isComplete: token === SyntaxKind.CloseBraceToken };
}

/** Reads the value that begins with the current token: a string as it is, others as JSON. */
function readValue(scanner: JSONScanner, source: string): Value {
  const token = scanner.getToken();
  if (token === SyntaxKind.StringLiteral) {
    const text = scanner.getTokenValue();
    const isComplete = scanner.getTokenError() !== ScanError.UnexpectedEndOfString;
    return isComplete ? { text, isComplete } : { text: `${text}…`, isComplete };
  }
  if (token === SyntaxKind.NullKeyword) return { text: null, isComplete: true };
  return readNested(scanner, source);
}

/** Without the white space between tokens, and with numbers as they are written. */
function readNested(scanner: JSONScanner, source: string): Value {
  let text = '';
  let depth = 0;
  for (let token = scanner.getToken(); token !== SyntaxKind.EOF; token = scanner.scan()) {
    if (text.length < MAX_NESTED_LENGTH) {
      const offset = scanner.getTokenOffset();
      text += source.slice(offset, offset + scanner.getTokenLength());
    }
    if (opening.has(token)) depth++;
    if (closing.has(token)) depth--;
    if (depth <= 0) return { text, isComplete: true };
  }
  return { text: `${text}…`, isComplete: false };
}
