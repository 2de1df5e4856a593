/** Where a connection goes: a host and port, or a unix socket. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string }

/** Reads HOST:PORT, [IPV6]:PORT or the path of a socket; undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  if (text.startsWith('/')) return { path: text }
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (match?.[1] === undefined || port < 1 || port > 65535) return undefined
  return { host: match[1].replace(/^\[|\]$/g, ''), port }
}
