import type { FileStart } from '../../storage/file-reader.js';
import { ExportFileKind } from '../export-file.js';
import { readCsv } from './preview-csv.js';
import { readJson } from './preview-json.js';
import { decodeText } from './preview-text.js';
import type { PreviewTable } from './export-preview.js';

/** Reads the first rows of a file; null for one that is not what its kind says. Never throws. */
export async function readPreviewTable(
  kind: ExportFileKind,
  start: FileStart,
): Promise<PreviewTable | null> {
  const text = decodeText(start);
  if (text === null) return null;
  return kind === ExportFileKind.JSON
    ? readJson(text, start.isWhole)
    : readCsv(text, start.isWhole);
}
