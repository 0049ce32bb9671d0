import { ApiKey } from './auth/api-key.js';
import { ExportFileRow } from './exports/export-file.js';
import { Export } from './exports/export.js';

/** Every TypeORM entity. The composition roots pass them to `database/`, which imports no entity. */
export const entities = [Export, ExportFileRow, ApiKey];
