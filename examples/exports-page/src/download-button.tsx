import { useState } from 'react';

import { client } from './client.js';
import { LINKS } from './documents.js';
import type { ExportFileKind } from './gql/graphql.js';
import { KINDS } from './labels.js';

interface Props {
  readonly exportId: string;
  readonly kind: ExportFileKind;
  /** What the button says beside the kind, for those who do not see the row. */
  readonly of: string;
}

/** Requests a link at the click, and stores it nowhere, so that no link expires before its use. */
export function DownloadButton({ exportId, kind, of }: Props) {
  const [state, setState] = useState<'ready' | 'pending' | 'failed'>('ready');

  async function download() {
    setState('pending');
    try {
      const { data } = await client.query({
        query: LINKS,
        variables: { id: exportId, json: kind === 'JSON', csv: kind !== 'JSON' },
        fetchPolicy: 'no-cache',
      });
      const url = data?.export?.files.find((file) => file.kind === kind)?.url;
      if (url == null) throw new Error('The file is no longer there.');
      // The response is an attachment, so the page stays.
      location.assign(url);
      setState('ready');
    } catch {
      setState('failed');
    }
  }

  return (
    <>
      <button type="button" disabled={state === 'pending'} onClick={() => void download()}>
        {KINDS[kind]}
        <span className="hidden"> of {of}</span>
      </button>
      {state === 'failed' && <span role="alert">There is no link now. Try again later.</span>}
    </>
  );
}
