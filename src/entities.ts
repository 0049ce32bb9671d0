import { ApiKey } from './auth/api-key.js';
import { ExportFileRow } from './exports/export-file.js';
import { Export } from './exports/export.js';

/** Every TypeORM entity. The composition roots hand them to `database/`, which knows no feature. */
export const entities = [Export, ExportFileRow, ApiKey];
