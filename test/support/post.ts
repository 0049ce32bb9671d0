/** The status and text of the response to a GraphQL request. Throws when it takes longer than `timeoutMs`. */
export async function post(
  url: string,
  request: object,
  { headers = {}, timeoutMs = 20_000 } = {},
): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(request),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, text: await response.text() };
}
