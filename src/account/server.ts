/**
 * The pages over HTTPS. Passwords come by POST only, in bodies that are bounded, and with every form: there are no sessions that another
 * site could use.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Endpoint } from '../config/endpoint.js'
import { PecError, reasonOf } from '../errors.js'
import type { FormPage, Page } from './page.js'

export interface AccountServerOptions {
  readonly listen: Endpoint
  /** PEM. */
  readonly identity: { readonly key: Buffer | string; readonly cert: Buffer | string }
  /** By path. */
  readonly pages: ReadonlyMap<string, FormPage>
  /** What went wrong, for the log; never with what somebody wrote. */
  readonly onFailure: (line: string) => void
}

/** Bytes. */
const MAX_BODY = 8192

const NOT_FOUND: Page = { status: 404, html: '' }

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Strict-Transport-Security': 'max-age=31536000',
} as const

/** Rejects with PecError 'configuration' if it cannot listen. */
export async function openAccountServer(options: AccountServerOptions): Promise<Server> {
  const { listen, identity, onFailure, pages } = options
  try {
    const server = createServer({ ...identity, minVersion: 'TLSv1.2' }, (request, response) => {
      const form = pages.get(request.url ?? '')
      void (form === undefined ? Promise.resolve(NOT_FOUND) : answer(request, form))
        .catch((error: unknown) => {
          onFailure(`${String(request.url)} of [account] could not do its work: ${reasonOf(error)}`)
          return form?.show('unavailable') ?? NOT_FOUND
        })
        .then((page) => reply(response, page))
    })
    server.requestTimeout = 10_000
    server.headersTimeout = 10_000
    server.maxConnections = 256
    server.listen(listen)
    await once(server, 'listening')
    return server
  } catch (error) {
    throw new PecError('configuration', `[account] listen: ${reasonOf(error)}`, { cause: error })
  }
}

function reply(response: ServerResponse, { status, html }: Page): void {
  // What is left of a body that was too large is not read.
  const close = status === 413 ? { Connection: 'close' } : {}
  response.writeHead(status, { ...HEADERS, ...close })
  response.end(html)
}

async function answer(request: IncomingMessage, form: FormPage): Promise<Page> {
  const refused = (status: number): Page => ({ ...form.show('unreadable'), status })
  if (request.method === 'GET' || request.method === 'HEAD') return form.show()
  if (request.method !== 'POST') return refused(405)
  // Browsers say whose form it is; whoever has typed a password into another site's is not helped to send it here.
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return refused(403)
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') return refused(415)
  const body = await read(request)
  if (body === undefined) return refused(413)
  const values = new URLSearchParams(body)
  return form.submit((name) => values.get(name) ?? '', request.socket.remoteAddress ?? '')
}

/** Undefined if it is too large. */
function read(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let size = 0
    request.on('data', (piece: Buffer) => {
      size += piece.length
      if (size > MAX_BODY) resolve(undefined)
      else pieces.push(piece)
    })
    request.once('end', () => resolve(Buffer.concat(pieces).toString('utf8')))
    request.once('error', reject)
  })
}
